"""training/evaluate is true, and no evaluation is listed.

*Why it is bad.* Somebody expects evaluations, and none will run.

*Bad*

```yaml
training:
  evaluate: true
```

*Good*

```yaml
training:
  evaluate: true
eval:
  evaluations: [web_ppl]
```

*Fix.* List evaluations, or write false, which `--fix` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR606"
SLUG = "evaluate-nothing"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the switch with the list."""
    switch = "training/evaluate"
    if document.given(switch) and document.value(switch) and not document.length("eval/evaluations"):
        message = f"{switch} is true, and eval/evaluations lists none"
        written = fix(document.edits.replace(parse(switch), "false"), safe=True)
        remedy = "list evaluations such as web_ppl, or write false"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(switch), message, remedy, fix=written)
