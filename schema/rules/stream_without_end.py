"""A hub dataset is streamed, and nothing says where to stop.

*Why it is bad.* Sets that are worth streaming hold terabytes. A token store is made of all that is read, so a run would
prepare it for weeks, and fill the disk, before its first step.

*Bad*

```yaml
data:
  sources:
    web: {hub: HuggingFaceFW/fineweb, config: sample-10BT, streaming: true}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Good*

```yaml
data:
  sources:
    web: {hub: HuggingFaceFW/fineweb, config: sample-10BT, split: "train[:2_000_000]", streaming: true}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Fix.* Say how many rows are read, or load the set as a whole; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.hub_rows import read_rows
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR235"
SLUG = "stream-without-end"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for the end of each hub dataset that is streamed."""
    for name in document.value("data/sources"):
        source = f"data/sources/{name}"
        if not all(document.available(f"{source}/{key}") for key in ("hub", "split", "validation", "streaming")):
            continue
        hub, streaming = (document.value(f"{source}/{key}") for key in ("hub", "streaming"))
        for key in ("split", "validation") if hub is not None and streaming else ():
            written = document.value(f"{source}/{key}")
            if isinstance(written, str) and (found := endless(source, written)):
                message, remedy = found
                path = f"{source}/{key}"
                where = document.span(path if document.given(path) else f"{source}/streaming")
                yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy.replace("split:", f"{key}:", 1))


def endless(source: str, split: str) -> tuple[str, str] | None:
    """Say that the rows of a streamed split have no end, and what to write; None where they have one."""
    rows = read_rows(split)
    if rows is None or rows.stop is not None:
        return None
    message = f"{source} streams all of split {quote(rows.split)}, and does not say how many rows are enough"
    return message, f'write split: "{rows.split}[:1_000_000]", or streaming: false to load the whole set'
