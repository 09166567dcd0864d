"""Rows of a PADDED dataset are mostly padding, for block_size is far above its longest example.

*Why it is bad.* A row is computed as a whole, and a budget counts its padding: of 100M tokens in rows of 2,048 with
examples of 100, the model sees 5M, in twenty times the time that they need. A row need not be longer than the longest
example, of validation too. Where another dataset of the run needs such rows, or the run starts from another run, whose
block_size it keeps, that is only worth knowing.

*On*

```json
{"datasets": {"chat/128": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"12": 990, "30": 10}, "val": {"12": 16}}}}}
```

*Bad*

```yaml
data:
  on_exhausted: repeat
training:
  pre_lora_tokens: [102400]
  pre_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED, suffix: '128'}]
```

*Good*

```yaml
architecture:
  block_size: 32
data:
  on_exhausted: repeat
training:
  pre_lora_tokens: [102400]
  pre_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED, suffix: '128'}]
  post_lora_tokens: [102400]
```

*Fix.* Lower block_size; the budget of tokens shrinks with it, so nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.draws import DatasetKey
from schema.document import Document
from schema.document.mixtures import Cut, cuts, entries
from schema.rules._weights import keeps_block_size
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR221"
SLUG = "mostly-padding"
SEVERITY = Severity.WARNING

MOST_PADDING, MOST_BESIDE_OTHERS = 0.75, 0.9  # of the inputs in the rows of a dataset
UNIT = 8  # a block_size is written as a multiple of it


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows of each dataset with its longest example, and see whether another one needs them."""
    block_size = document.value("architecture/block_size")
    longest: dict[DatasetKey, int] = {}  # example of each dataset, in all splits that are read
    known: dict[DatasetKey, Cut] = {}
    for cut in cuts(document):
        if cut.entry.values["style"] == "PADDED":
            longest[cut.entry.key] = max(longest.get(cut.entry.key, 1), max(cut.split.lengths, default=1))
            known |= {cut.entry.key: cut} if cut.name == "train" else {}
    enough = {key: -(-(longest[key] - 1) // UNIT) * UNIT for key in known}  # inputs of a row
    others = {entry.key for entry in entries(document)} - known.keys()
    for key, cut in known.items():
        padding, own = _padding(cut, block_size), enough[key]
        needed = max(enough.values())
        if not 0 < 2 * own <= block_size or not MOST_PADDING <= padding < 1:
            continue
        message = (
            f"{100 * padding:.0f} % of the rows of {quote(cut.entry.name)} is padding, which the budget counts: they "
            f"have {block_size:,} tokens, and its longest example has {longest[key]:,}"
        )
        span = document.span("architecture/block_size")
        if not others and 2 * needed <= block_size and not keeps_block_size(document):
            remedy = f"write architecture/block_size: {needed}, which leaves nothing out"
            yield Diagnostic(CODE, SLUG, SEVERITY, span, message, remedy)
        elif padding >= MOST_BESIDE_OTHERS:
            remedy = f"ask {1 / (1 - padding):.0f} times the tokens"
            remedy += "" if keeps_block_size(document) else f", or give it a run of its own with block_size: {own}"
            yield Diagnostic(CODE, SLUG, Severity.INFO, document.span(cut.entry.path), message, remedy)


def _padding(cut: Cut, block_size: int) -> float:
    """The share of inputs that are padding; the last token of an example is a target alone."""
    filled = sum(min(length - 1, block_size) * documents for length, documents in cut.split.lengths.items())
    return 1 - filled / (block_size * cut.split.documents)
