"""A required key is absent.

*Why it is bad.* It has no default, because no value would be right for most runs.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      style: PMD
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      rate: 1.0
      style: PMD
```
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.tokenizers import NAMED

CODE = "LR006"
SLUG = "missing-key"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY)
    backend = document.value("tokenizer/backend")
    if backend in NAMED and document.value("tokenizer/name") is None:
        examples = {
            "tiktoken": "'name: gpt2', or another encoding",
            "huggingface": "the folder that holds tokenizer.json",
        }
        message, remedy = f"the backend {backend} needs tokenizer/name", f"add {examples[backend]}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span("tokenizer/backend"), message, remedy)
