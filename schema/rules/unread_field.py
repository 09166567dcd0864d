"""Records hold text in a field that no example is made of, beside those that are read.

*Why it is bad.* A model that never sees what an instruction is about, or the passage that a question asks of, learns to
guess. Nothing fails: the loss falls, and the answers are made up. What identifies a record, a date or an address say,
is no such field, and neither is one whose text stands in another that is read, the rejected answer of a pair, or what a
conversation was made from.

*On*

```json
{
  "datasets": {
    "tasks": {
      "source": true,
      "fields": {
        "read": {"prompt": "instruction", "completion": "output"},
        "first": ["instruction", "input", "output"],
        "unread": ["input"],
        "lost": ["input"]
      }
    },
    "whole": {
      "source": true,
      "fields": {
        "read": {"instruction": "instruction", "input": "input", "output": "output"},
        "first": ["instruction", "input", "output"]
      }
    }
  }
}
```

*Bad*

```yaml
data:
  sources:
    tasks: {path: tasks.jsonl, prompt: instruction, completion: output}
training:
  post_lora_dataset:
  - [{name: tasks, rate: 1.0, style: PADDED}]
```

*Good*

```yaml
data:
  sources:
    whole: {path: tasks.jsonl, instruction: instruction, input: input, output: output}
tokenizer: {backend: huggingface, name: models/smol}
training:
  post_lora_dataset:
  - [{name: whole, rate: 1.0, style: PADDED}]
```

*Fix.* Name the field, or join it with the others in the files; nothing is written. An instruction with its input is a
conversation, which a tokenizer of backend huggingface renders.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.field_names import guess
from schema.document.mixtures import entries
from schema.environment import Fields
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR222"
SLUG = "unread-field"
SEVERITY = Severity.WARNING

HAS_TEMPLATES = "huggingface"  # the backend that renders conversations


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at what each source of the run holds beside what is read."""
    seen = set()
    for entry in entries(document):
        fields = entry.dataset.fields if entry.dataset else None
        path = f"data/sources/{entry.name}"
        if fields is None or not fields.lost or entry.name in seen or not document.given(path):
            continue
        seen.add(entry.name)
        lost, read = (join([quote(field) for field in some], "and") for some in (fields.lost, [*fields.read.values()]))
        message = f"the records of {quote(entry.name)} hold text in {lost} too, and an example is made of {read}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, _remedy(document, path, fields))


def _remedy(document: Document, path: str, fields: Fields) -> str:
    """The keys that read all of it, where those can be had; of a pair and of a conversation no third field is read."""
    guessed = guess(fields.first)
    rendered = not {"messages", "instruction"} & guessed.keys() or document.value("tokenizer/backend") == HAS_TEMPLATES
    if {*fields.lost} <= {*guessed.values()} and guessed != fields.read and rendered:
        keys = ", ".join(f"{key}: {field}" for key, field in guessed.items())
        others = [key for key in fields.read if key not in guessed and document.given(f"{path}/{key}")]
        return f"write {keys} under {path}" + (f", in place of {join(others, 'and')}" if others else "")
    joined = f"join {'it' if len(fields.lost) == 1 else 'them'} with the others in the files"
    whole = "messages" in fields.read or {"prompt", "completion"} <= fields.read.keys() or "chosen" in fields.read
    return joined if whole else f"name the field under {path}, or {joined}"
