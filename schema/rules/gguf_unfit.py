"""export/gguf asks for a file that llama.cpp would not read as the trained model, or that can't be written here.

*Why it is bad.* A file without biases, with other positions, or with a tokenizer that gives other ids would load, and
answer as another model. What can't be written would be found out after the training.

*Bad*

```yaml
architecture:
  family: llama
tokenizer:
  backend: tiktoken
  name: gpt2
export:
  gguf: q8_0
```

*Good*

```yaml
architecture:
  family: llama
tokenizer:
  backend: huggingface
  name: models/smollm2
export:
  gguf: q8_0
```

*Fix.* Remove export/gguf, or choose a family and a tokenizer that llama.cpp has; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.families import gguf_refusals
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR514"
SLUG = "gguf-unfit"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Ask the family, then the tokenizer, then the machine."""
    if document.value("export/gguf") is None:
        return
    where = document.span("export/gguf")
    for refused in gguf_refusals(document.view("architecture")):
        yield Diagnostic(CODE, SLUG, SEVERITY, where, refused.reason, refused.remedy)
    backend = document.value("tokenizer/backend")
    if backend != "huggingface":
        message = f"export/gguf can't write the tokenizer {backend}"
        remedy = "remove export/gguf, or write tokenizer/backend: huggingface"
        yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)
    elif document.environment and document.environment.gguf:
        obstacle = document.environment.gguf
        yield Diagnostic(CODE, SLUG, SEVERITY, where, obstacle.message, obstacle.remedy)
