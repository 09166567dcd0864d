"""A key is written under a name that it had before, or that other programs give it.

*Why it is bad.* It is read as the new one today, and unknown one day.

*Bad*

```yaml
training:
  post_lora_dataset: DELETE
  post_lora_datasets:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Good*

```yaml
training:
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Fix.* Write the new name, which `--fix` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Edit, Severity, fix
from schema.document import Document, parse
from schema.findings import Path, show
from schema.renamed import RENAMED
from schema.source import Scalar

CODE = "LR013"
SLUG = "deprecated-key"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what was found when old names were read."""
    for problem in document.problems:
        if problem.slug == SLUG:
            edits = _edits(document, problem.path, parse(RENAMED[show(problem.path)].key))
            yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*edits, safe=True))


def _edits(document: Document, old: Path, new: Path) -> list[Edit | None]:
    """Rename within a mapping; take a single value to another one."""
    if old[:-1] == new[:-1]:
        return [document.edits.rename(old, str(new[-1]))]
    node = document.found.nodes.get(new)
    text = node.text if isinstance(node, Scalar) and node.plain else ""
    return [document.edits.remove(old), document.edits.insert(new, text) if text else None]
