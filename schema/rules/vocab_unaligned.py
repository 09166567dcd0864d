"""vocab_size is not a multiple of 64.

*Why it is good to know.* Accelerators multiply in tiles, and a few rows more make the embedding and the output head
faster. They also divide over the devices of mesh/tensor.

*Bad*

```yaml
architecture:
  vocab_size: 50257
```

*Good*

```yaml
architecture:
  vocab_size: 50304
```

*Fix.* `--unsafe-fixes` rounds up: the parameters have other shapes then. Nothing is said where architecture/pretrained
names weights, which decide the number.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.tokenizers import token_ids

CODE = "LR505"
SLUG = "vocab-unaligned"
SEVERITY = Severity.INFO

VOCAB_SIZE = "architecture/vocab_size"
TILE = 64


def check(document: Document) -> Iterator[Diagnostic]:
    """Divide, where the number is large enough for the tokenizer."""
    rows = document.value(VOCAB_SIZE)
    if not document.given(VOCAB_SIZE) or document.value("architecture/pretrained") or rows % TILE == 0:
        return
    backend, name = document.value("tokenizer/backend"), document.value("tokenizer/name")
    if rows >= token_ids(backend, name, document.environment):
        rounded = str(-(-rows // TILE) * TILE)
        message, remedy = f"vocab_size {rows} is not a multiple of {TILE}", f"write {rounded}"
        written = fix(document.edits.replace(parse(VOCAB_SIZE), rounded), safe=False)
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(VOCAB_SIZE), message, remedy, fix=written)
