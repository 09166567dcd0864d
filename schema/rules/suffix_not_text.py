"""The name or suffix of a dataset is a number, true, false or null.

*Why it is bad.* It becomes the name of a folder, and YAML keeps only the value of what it takes for a number: 0512 and
512 would be one folder, and null would be none.

*Bad*

```yaml
training:
  post_lora_dataset:
  - - {name: chat, rate: 1.0, style: PADDED, suffix: 128}
```

*Good*

```yaml
training:
  post_lora_dataset:
  - - {name: chat, rate: 1.0, style: PADDED, suffix: "128"}
```

*Fix.* `--fix` puts quotes around what stands there; a suffix that is null is removed with `--unsafe-fixes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.findings import show
from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.source import Scalar

CODE = "LR207"
SLUG = "suffix-not-text"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        node = document.found.nodes[problem.path]
        assert isinstance(node, Scalar)
        if node.value is None:
            suffix = problem.path[-1] == "suffix"
            message = f"{show(problem.path)} is {node.text or 'empty'}, and text is wanted"
            remedy = "remove it, or write text in quotes" if suffix else "write the name of a dataset"
            written = fix(document.edits.remove(problem.path), safe=False) if suffix else None
        else:
            kind = "a truth value" if isinstance(node.value, bool) else "a number"
            message = f"{show(problem.path)} is {node.text}, which is {kind} without quotes, and text is wanted"
            remedy = f'quote it: "{node.text}"'
            written = fix(document.edits.replace(problem.path, f'"{node.text}"'), safe=True)
        yield Diagnostic(CODE, SLUG, SEVERITY, problem.span, message, remedy, fix=written)
