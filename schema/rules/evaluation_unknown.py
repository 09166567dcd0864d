"""An evaluation of a dataset that the spec does not use.

*Why it is bad.* DATASET_ppl is the perplexity of that dataset's validation split; a name that stands in no mixture
and not in data/sources is most likely misspelt, and would be found out at the end of a phase.

*Bad*

```yaml
training:
  evaluate: true
eval:
  evaluations: [wbe_ppl]
```

*Good*

```yaml
training:
  evaluate: true
eval:
  evaluations: [web_ppl]
```

*Fix.* Write the name of a dataset of the spec, then _ppl. `--unsafe-fixes` writes the nearest, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.budget.dataset_names import labels
from schema.document import Document, parse
from schema.document.mixtures import Entry, mixture_keys
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import join, nearest, quote

CODE = "LR215"
SLUG = "evaluation-unknown"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each name with the labels of the run's datasets."""
    mixtures: list[list[dict[str, Any]]] = []
    for key in mixture_keys(document):
        value = document.value(f"training/{key}")
        mixtures += [value] if key == "dataset" else value
    keys = [Entry("", values, None).key for mixture in mixtures for values in mixture]
    known = {f"{label}_ppl" for label in labels(keys).values()}
    for index, name in enumerate(document.value("eval/evaluations")):
        if name not in known:
            message = f"{quote(name)} evaluates no dataset of this spec"
            near = nearest(name, known)
            remedy = f"write {join(near or sorted(known), 'or')}" if known else "remove it"
            path = f"eval/evaluations[{index}]"
            edit = document.edits.replace(parse(path), near[0]) if len(near) == 1 else None
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=fix(edit, safe=False))
