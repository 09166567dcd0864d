"""A source names fields of two kinds of records, or half of what one kind needs.

*Why it is bad.* A record is plain text (text, prompt, completion), a conversation (messages), an instruction with
its answer (instruction, input, output), or two answers to choose from (prompt, chosen, rejected). Nobody can say which
of two kinds is meant, and one would be lost in silence.

*Bad*

```yaml
data:
  sources:
    chat: {path: chats.jsonl, messages: messages, completion: answer}
tokenizer: {backend: huggingface, name: models/smol}
```

*Good*

```yaml
data:
  sources:
    chat: {path: chats.jsonl, messages: messages}
tokenizer: {backend: huggingface, name: models/smol}
```

*Fix.* Leave out the fields of one kind, or name each in a source of its own; nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join

CODE = "LR217"
SLUG = "record-kinds"
SEVERITY = Severity.ERROR

SIDES = ("chosen", "rejected")
KINDS = (("text", "prompt", "completion"), ("messages",), ("instruction", "input", "output"), SIDES)


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the fields that each source names."""
    for name in document.value("data/sources"):
        source = f"data/sources/{name}"
        fields = [field for kind in KINDS for field in kind]
        named = [field for field in fields if document.source_names(name, field)]
        if found := contradiction(source, named):
            message, remedy = found
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{source}/{named[-1]}"), message, remedy)


def contradiction(source: str, named: Collection[str]) -> tuple[str, str] | None:
    """Say what is wrong with the fields that a source names, and what to write; None where they agree."""
    shared = {"prompt"} if {*SIDES} & {*named} else set()  # of pairs too
    kinds = [[field for field in kind if field in named and field not in shared] for kind in KINDS]
    written = [kind for kind in kinds if kind]
    if len(written) > 1:
        first, second = (join(kind, "and") for kind in written[:2])
        return f"{source} names {first}, and {second} of another kind of records", "leave out one of the two"
    if kinds[2] and not {"instruction", "output"} <= {*kinds[2]}:
        lacking = join([field for field in ("instruction", "output") if field not in named], "and")
        return f"{source} names {join(kinds[2], 'and')} without {lacking}", f"name the field of {lacking} too"
    return None
