"""A dataset of conversations has style PMD, and chat/train_on leaves some of their tokens out.

*Why it is bad.* PMD cuts one flat file of tokens into blocks and supervises all of them: the model would learn to write
the questions too. PADDED has one conversation a row, PACKED several, with the loss where chat/train_on says.

*Bad*

```yaml
tokenizer: {backend: huggingface, name: models/smol}
data:
  sources:
    chat: {path: chats.jsonl, messages: messages}
training:
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PMD}]
```

*Good*

```yaml
tokenizer: {backend: huggingface, name: models/smol}
data:
  sources:
    chat: {path: chats.jsonl, messages: messages}
training:
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Fix.* `--unsafe-fixes` writes PADDED.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.document.mixtures import conversations
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR218"
SLUG = "conversations-not-padded"
SEVERITY = Severity.ERROR

ALL = "all"  # the value of chat/train_on that leaves nothing out


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the style of each dataset of conversations."""
    train_on = document.value("chat/train_on")
    for entry, _ in conversations(document):
        if entry.values["style"] == "PMD" and train_on != ALL:
            path = f"{entry.path}/style"
            written = fix(document.edits.replace(parse(path), "PADDED"), safe=False)
            message, remedy = not_padded(entry.name, train_on)
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)


def not_padded(name: str, train_on: str) -> tuple[str, str]:
    """Say what is wrong with style PMD for a dataset of conversations, and what to write."""
    return (
        f"'{name}' holds conversations, of which chat/train_on: {train_on} leaves tokens out, and PMD supervises all",
        "write style: PADDED or PACKED, or chat/train_on: all",
    )
