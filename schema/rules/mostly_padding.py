"""Rows of a PADDED dataset are mostly padding.

*Why it is bad.* A row is computed as a whole, and a budget counts its padding: of 100M tokens in rows of 2,048 with
examples of 100, the model sees 5M, in twenty times the time that they need. PACKED puts several examples into a row;
and a row need not be longer than the longest example, of validation too. Where that one is much longer than most, where
another dataset of the run needs such rows, or the run starts from another run, whose block_size it keeps, this is only
worth knowing.

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

*Fix.* `--unsafe-fixes` writes PACKED. Then a step takes as many tokens, of more examples: the same budget goes through
them more often.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.draws import DatasetKey
from schema.document import Document
from schema.document.mixtures import Cut, cuts, entries
from schema.rules._edits import put
from schema.rules._weights import keeps_block_size
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import quote

CODE = "LR221"
SLUG = "mostly-padding"
SEVERITY = Severity.WARNING

MOST_PADDING = 0.75  # of the inputs in the rows of a dataset
MOST_PACKED = 2**20  # examples, in about a second
UNIT = 8  # a block_size is written as a multiple of it


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows of each dataset with its longest example, and see whether another one needs them."""
    block_size, too_long = document.value("architecture/block_size"), document.value("data/on_too_long")
    longest: dict[DatasetKey, int] = {}  # example of each dataset, in all splits that are read
    known: dict[DatasetKey, Cut] = {}
    for cut in cuts(document):
        if cut.entry.values["style"] == "PADDED":
            longest[cut.entry.key] = max(longest.get(cut.entry.key, 1), max(cut.split.lengths, default=1))
            known |= {cut.entry.key: cut} if cut.name == "train" else {}
    every = [*entries(document)]
    needed = max((-(-(longest[key] - 1) // UNIT) * UNIT for key in known), default=0)  # inputs of a row
    alone = not {entry.key for entry in every} - known.keys() and not keeps_block_size(document)
    for key, cut in known.items():
        padding = cut.split.padding("PADDED", block_size, too_long)
        if not MOST_PADDING <= padding < 1:
            continue
        is_short = 0 < 2 * (longest[key] - 1) <= block_size
        of_examples = f"its longest example has {longest[key]:,}"
        if not is_short:
            of_examples = f"its examples have {cut.split.tokens / cut.split.documents:,.0f} on average"
        message = (
            f"{100 * padding:.0f} % of the rows of {quote(cut.entry.name)} is padding, which the budget counts: they "
            f"have {block_size:,} tokens, and {of_examples}"
        )
        remedy = f"write style: PACKED, {_packed(cut, block_size, too_long)}"
        paths = [f"{entry.path}/style" for entry in every if entry.key == key and document.given(entry.path)]
        written = fix(*(put(document, path, "PACKED") for path in paths), safe=False)
        span, severity = document.span(cut.entry.path), Severity.INFO
        if alone and 2 * needed <= block_size:
            remedy += f", or architecture/block_size: {needed}, which leaves nothing out"
            span, severity = document.span("architecture/block_size"), SEVERITY
        yield Diagnostic(CODE, SLUG, severity, span, message, remedy, fix=written)


def _packed(cut: Cut, block_size: int, on_too_long: str) -> str:
    """Say what PACKED would do, in numbers where they are counted in a moment."""
    if cut.split.documents > MOST_PACKED:
        return "which puts several examples into a row"
    share = cut.split.padding("PACKED", block_size, on_too_long)
    return f"of whose rows {100 * share:.2g} % would be padding"
