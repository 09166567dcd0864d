"""vocab_size is smaller than the tokenizer's vocabulary.

*Why it is bad.* A token id beyond the embedding is not an error on accelerators: it reads another row, or gives NaN.
The ids of a huggingface tokenizer are counted in its files, by `validate --env`, `plan` and `exec`.

*Bad*

```yaml
architecture:
  vocab_size: 50000
```

*Good*

```yaml
architecture:
  vocab_size: 50304
```

*Fix.* `--unsafe-fixes` writes the number of ids, rounded up to a multiple of 64, which is fastest.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._config import at_config
from schema.rules._edits import put
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.tokenizers import token_ids

CODE = "LR504"
SLUG = "vocab-too-small"
SEVERITY = Severity.ERROR

VOCAB_SIZE = "architecture/vocab_size"


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows of the embedding with the ids of the tokenizer."""
    rows, backend = document.value(VOCAB_SIZE), document.value("tokenizer/backend")
    name = None if backend == "byte" else document.value("tokenizer/name")
    ids = token_ids(backend, name, document.environment)
    if rows < ids:
        message = f"vocab_size is {rows}, and the tokenizer {name or backend} has {ids} ids"
        enough = str(-(-ids // 64) * 64)
        written = fix(put(document, VOCAB_SIZE, enough), safe=False)
        found = Diagnostic(CODE, SLUG, SEVERITY, document.span(VOCAB_SIZE), message, f"write {enough}", fix=written)
        yield at_config(document, found, "vocab_size", remedy="name the tokenizer of that model, or another model")
