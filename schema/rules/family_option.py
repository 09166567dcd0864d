"""An architecture asks for what its family does not have.

*Why it is bad.* The model would be one that no class of Transformers holds, and other programs would load another one.

*Bad*

```yaml
architecture:
  family: llama
  rope: false
```

*Good*

```yaml
architecture:
  family: llama
```

*Fix.* Remove the key, or choose a family that has it; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.families import load_family
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR511"
SLUG = "family-option"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Ask the family what it refuses."""
    architecture = document.view("architecture")
    for refused in load_family(architecture.family).refusals(architecture):
        where = document.span(f"architecture/{refused.key}")
        yield Diagnostic(CODE, SLUG, SEVERITY, where, refused.reason, refused.remedy)
