"""A token store was made with another tokenizer, or holds a token id that the model has no row for.

*Why it is bad.* The ids of one tokenizer mean nothing to another, and an id beyond the embedding reads another row or
gives NaN. A store whose text is there is made again; one without text can't be.

*On*

```json
{"datasets": {"web": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"1000": 5000}, "val": {"1000": 80}}}}}
```

*Bad*

```yaml
tokenizer:
  name: p50k_base
```

*Good*

```yaml
tokenizer:
  name: gpt2
```

*Fix.* Write the tokenizer of the store, or name its text in data/sources; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import stored
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote
from schema.tokenizers import tokenizer_facts

CODE = "LR213"
SLUG = "tokenizer-mismatch"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each store with the tokenizer and the rows of the embedding."""
    backend, name = document.value("tokenizer/backend"), document.value("tokenizer/name")
    facts = tokenizer_facts(backend, name, document.environment)
    own = facts.fingerprint if facts else backend
    rows, seen = document.value("architecture/vocab_size"), set()
    for entry, store in stored(document):
        if entry.key[:2] in seen:
            continue
        seen.add(entry.key[:2])
        if not f"{store.tokenizer}/".startswith(f"{own}/"):
            message = (
                f"the token store of {quote(entry.name)} was made with tokenizer {quote(store.tokenizer)}, and the "
                f"spec's is {quote(own)}"
            )
            remedy = f"write that tokenizer, or name its text in data/sources/{entry.name} to have it made again"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{entry.path}/name"), message, remedy)
        elif store.max_token_id >= rows:
            message = f"{quote(entry.name)} holds token id {store.max_token_id}, and architecture/vocab_size is {rows}"
            remedy = f"write {-(-(store.max_token_id + 1) // 64) * 64}"
            where = document.span("architecture/vocab_size")
            yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)
