"""A dataset holds conversations, and nothing can render them: there is no chat template that can be used.

*Why it is bad.* A chat template turns messages into the text that a model reads, and special tokens end their turns.
The run can't make a single row. Most tokenizers of chat models have a template of their own.

*On*

```json
{
  "tokenizer": {"fingerprint": "huggingface/5eed", "ids": 300},
  "chat": ["the tokenizer in 'models/smol' has no chat template", "write chat/template: chatml"]
}
```

*Bad*

```yaml
tokenizer: {backend: huggingface, name: models/smol}
data:
  sources:
    chat: {path: chats.jsonl, messages: messages}
```

*Good*

```yaml
tokenizer: {backend: huggingface, name: models/smol}
data:
  sources:
    chat: {path: pairs.jsonl, prompt: question, completion: answer}
```

*Fix.* Write chat/template, name the folder of a tokenizer with a template, or, as here, train on prompts and
completions, of files that have them; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import conversations
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR219"
SLUG = "chat-template-not-found"
SEVERITY = Severity.ERROR

WITHOUT_TURNS = (
    "a dataset holds conversations, and only a tokenizer of backend huggingface has special tokens that end a turn",
    "write tokenizer: {backend: huggingface, name: FOLDER}, of a folder with tokenizer.json, or give prompt and "
    "completion in place of messages",
)


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for conversations that can't be rendered."""
    key = next((path for _, path in conversations(document)), None)
    if key is None:
        return
    obstacle = document.environment.chat if document.environment else None
    model = document.pretrained
    if model and not model.keys and not document.given("tokenizer/backend"):
        return  # the tokenizer is that of a model which can't be read here: LR512 or LR513 says so
    if document.value("tokenizer/backend") != "huggingface":
        message, remedy = WITHOUT_TURNS
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span("tokenizer/backend"), message, remedy)
    elif obstacle:
        where = document.span(obstacle.key or key)
        yield Diagnostic(CODE, SLUG, SEVERITY, where, obstacle.message, obstacle.remedy)
