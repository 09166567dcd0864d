"""Evaluations are listed, and training/evaluate is false.

*Why it is bad.* None of them runs, and the numbers that somebody waits for are never written.

*Bad*

```yaml
eval:
  evaluations: [web_ppl]
```

*Good*

```yaml
training:
  evaluate: true
eval:
  evaluations: [web_ppl]
```

*Fix.* Set training/evaluate to true, which `--unsafe-fixes` does, or empty the list.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Related, Severity, fix
from schema.text.wording import count

CODE = "LR605"
SLUG = "evaluations-unused"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the list with the switch."""
    listed, switch = document.length("eval/evaluations"), "training/evaluate"
    if listed and not document.value(switch):
        message = f"eval/evaluations lists {count(listed, 'evaluation')}, and none runs: {switch} is false"
        related = (Related(document.span(switch), "switched off here"),)
        written = fix(document.edits.replace(parse(switch), "true"), safe=False)
        where = document.span("eval/evaluations")
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, f"set {switch} to true", related, written)
