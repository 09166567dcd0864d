"""A source says nowhere where its data comes from, or says it twice.

*Why it is bad.* A dataset comes from local files, which path names, from the Hugging Face hub, which hub names, or from
another program's tokens, which tokens names. Of two origins nobody knows which one is meant, and without any there is
nothing to read.

*Bad*

```yaml
data:
  sources:
    chat: {path: chats.jsonl, hub: acme/chats, messages: messages}
tokenizer: {backend: huggingface, name: models/smol}
```

*Good*

```yaml
data:
  sources:
    chat: {hub: acme/chats, messages: messages}
tokenizer: {backend: huggingface, name: models/smol}
```

*Fix.* Write one of them; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schema.document import Document
from schema.document.catalogue import ORIGINS
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join

CODE = "LR233"
SLUG = "source-origin"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Count the origins of each source."""
    unknown = {problem.path[:3] for problem in document.problems_of("unknown-key")}  # which may be the origin
    for name in document.value("data/sources"):
        source = f"data/sources/{name}"
        if not all(document.available(f"{source}/{key}") for key in ORIGINS):
            continue
        named = [key for key in ORIGINS if document.value(f"{source}/{key}") is not None]
        found = misnamed(source, named)
        if found and (named or ("data", "sources", name) not in unknown):
            message, remedy = found
            where = document.span(f"{source}/{named[-1]}" if named else source)
            yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)


def misnamed(source: str, named: Sequence[str]) -> tuple[str, str] | None:
    """Say what is wrong with the origins that a source names, and what to write; None where there is one."""
    if not named:
        return f"{source} does not say where its data is", "add 'path: …' for files, 'hub: OWNER/NAME', or 'tokens: …'"
    if len(named) > 1:
        return f"{source} names {join(named, 'and')}, and data comes from one of them", "keep one of them"
    return None
