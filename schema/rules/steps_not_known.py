"""How many steps the run takes follows from token stores, which are not known.

*Why it is good to know.* With `training/budget: supervised_tokens` or `data/on_exhausted: stop`, steps follow from what
the stores hold, and with them warm-up, decay, checkpoints and everything that is checked about them. `lorarun prepare`
makes the stores; then `plan` shows the steps, and `validate --env` checks them. `exec` prepares first, so that it
follows the same plan.

*Bad*

```yaml
training:
  budget: supervised_tokens
```

*Good*

```yaml
training:
  budget: tokens
```

*Fix.* Prepare the data; nothing in the spec needs a change.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import entries
from schema.rules._mixtures import supervises_all
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR243"
SLUG = "steps-not-known"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for stores that decide steps and are not known."""
    terms, environment = document.budget.terms, document.environment
    if not terms.decides_steps:
        return
    named = list(entries(document))
    # What has no text either is another rule's.
    without = [entry for entry in named if entry.dataset is None or (entry.dataset.source and not entry.dataset.store)]
    names = list(dict.fromkeys(quote(entry.name) for entry in without))
    if not names or (terms.supervised and supervises_all(named)):  # LR009 says so
        return
    key, said = ("training/budget", "supervised_tokens") if terms.supervised else ("data/on_exhausted", "stop")
    many = "how many steps the run takes" if terms.supervised else "where its stages end"
    made = "nobody looked at them" if environment is None else f"{join(names, 'and')} {_have(names)} none yet"
    message = f"{key} is {said}, so {many} follows from token stores, and {made}"
    remedy = "`lorarun prepare SPEC` makes them; then `lorarun plan SPEC` shows the steps"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), message, remedy)


def _have(names: list[str]) -> str:
    return "have" if len(names) > 1 else "has"
