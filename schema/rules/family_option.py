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
from schema.rules._adapters import NO_SHAPE, SHAPE
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR511"
SLUG = "family-option"
SEVERITY = Severity.ERROR

# Keys of which each is judged alone: one that failed hides no other.
KEYS = (*NO_SHAPE, *SHAPE, "bias", "attention_bias", "mlp_bias", "rope", "tie_embeddings")


def check(document: Document) -> Iterator[Diagnostic]:
    """Ask the family what it refuses."""
    family = load_family(document.value("architecture/family"))
    for refused in family.refusals(document.view("architecture", KEYS)):
        path, whole = f"architecture/{refused.key}", f"architecture/{refused.key.partition('/')[0]}"
        if document.available(whole):  # of rope_scaling all that stands in it
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), refused.reason, refused.remedy)
