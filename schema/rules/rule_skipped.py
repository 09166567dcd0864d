"""A rule could not look at everything, because what it reads failed an earlier check or is not known.

*Why it is good to know.* One cause gives one finding: the rule has nothing to say until that is fixed. Rules that
need facts of a machine are named too, unless `--env` gives them. Shown with `--show-skipped` only.

*Bad*

```yaml
architecture:
  n_embd: wide
```

*Good*

```yaml
architecture:
  n_embd: 128
```

*Fix.* Mend the other findings first, here LR004; where a model is not here, fetch it first.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.hub import hub_name
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR901"
SLUG = "rule-skipped"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Find nothing in a spec: this rule is about the others."""
    yield from ()


def report(document: Document, rule: str, failed: bool = True) -> Diagnostic:
    """Say which rule was skipped: another finding is an error, or a model is not here that decides the shape."""
    message, remedy = f"the rule {rule} could not be applied", "fix the other findings first"
    model = document.pretrained
    if model is not None and not model.is_here:
        fetch = "fetch the model first" if hub_name(model.name) else "bring the model here first"
        remedy = f"fix the other findings, and {fetch}" if failed else fetch
    return Diagnostic(CODE, SLUG, SEVERITY, document.start, message, remedy)


def without_environment(document: Document, rule: str) -> Diagnostic:
    """Say which rule knows too little without the facts of a machine."""
    message, remedy = f"the rule {rule} needs facts of the machine that runs the spec", "give --env"
    return Diagnostic(CODE, SLUG, SEVERITY, document.start, message, remedy)
