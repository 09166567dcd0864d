"""tokenizer/name is no folder with a tokenizer that can be used.

*Why it is bad.* The run can't turn a single text into tokens. The folder holds tokenizer.json, and says in
tokenizer_config.json, special_tokens_map.json or generation_config.json which token ends a text. Where no tokenizer is
named, it is that of the model in architecture/pretrained.

*On*

```json
{"tokenizer": {"obstacle": ["tokenizer/name 'modles' is no folder", "name the folder that holds tokenizer.json"]}}
```

*Bad*

```yaml
tokenizer:
  backend: huggingface
  name: modles
```

*Good*

```yaml
tokenizer:
  backend: tiktoken
  name: gpt2
```

*Fix.* Name another folder, or mend its files; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.environment import Obstacle
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR216"
SLUG = "tokenizer-not-found"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report why the tokenizer of the backend huggingface can't be used."""
    obstacle = document.environment.tokenizer if document.environment else None
    if document.value("tokenizer/backend") == "huggingface" and isinstance(obstacle, Obstacle):
        key = obstacle.key or "tokenizer/name"
        where = document.span(key if document.given(key) else "architecture/pretrained")  # whose tokenizer it is
        yield Diagnostic(CODE, SLUG, SEVERITY, where, obstacle.message, obstacle.remedy)
