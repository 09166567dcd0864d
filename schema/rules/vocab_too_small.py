"""vocab_size is smaller than the tokenizer's vocabulary.

*Why it is bad.* A token id beyond the embedding is not an error on accelerators: it reads another row, or gives NaN.

*Bad*

```yaml
architecture:
  vocab_size: 257
```

*Good*

```yaml
architecture:
  vocab_size: 320
```

*Fix.* Write at least the number of ids; a multiple of 64 is fastest.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document

CODE = "LR504"
SLUG = "vocab-too-small"
SEVERITY = Severity.ERROR

IDS = {"byte": 258}  # 256 bytes, the end of a document, padding


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows of the embedding with the ids of the tokenizer."""
    rows, backend = document.value("architecture/vocab_size"), document.value("tokenizer/backend")
    ids = IDS[backend]
    if rows < ids:
        message = f"vocab_size is {rows}, and the {backend} tokenizer has {ids} ids"
        remedy = f"write {-(-ids // 64) * 64}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span("architecture/vocab_size"), message, remedy)
