"""Examples of a PADDED or PACKED dataset are longer than a row, and data/on_too_long forbids that or leaves none.

*Why it is bad.* A row holds block_size + 1 tokens. With `error` one longer example stops the run; with `drop` the run
stops when every example is longer.

*On*

```json
{
  "datasets": {
    "chat/128": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"100": 990, "300": 10}, "val": {"90": 16}}}
  }
}
```

*Bad*

```yaml
data:
  on_too_long: error
```

*Good*

```yaml
data:
  on_too_long: drop
```

*Fix.* Raise block_size, or cut or leave out what is too long; there is no single answer, so nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import SPLITS, cuts
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR209"
SLUG = "row-width"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the longest example of each split with a row."""
    width, too_long = document.value("architecture/block_size") + 1, document.value("data/on_too_long")
    for cut in cuts(document):
        longer = sum(documents for length, documents in cut.split.lengths.items() if length > width)
        refused = too_long == "error" or (too_long == "drop" and longer == cut.split.documents)
        if not cut.entry.of_examples or not longer or not refused:
            continue
        longest = max(cut.split.lengths)
        message = (
            f"{longer:,} of the {cut.split.documents:,} {SPLITS[cut.name]} examples of {quote(cut.entry.name)} are "
            f"longer than a row of {width:,} tokens, and data/on_too_long is {too_long}"
        )
        remedy = f"write architecture/block_size: {longest - 1} or data/on_too_long: truncate"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(cut.entry.path), message, remedy)
