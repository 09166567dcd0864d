"""The plan reads a dataset more than four times, or more than once where data/on_exhausted is error.

*Why it is bad.* From about the fourth time on, text that was seen before teaches a model almost nothing, and the budget
is spent on learning it by heart (Muennighoff et al. 2023, Scaling Data-Constrained Language Models). With
`on_exhausted: error` the run refuses to begin a second time. Whoever writes `on_exhausted: repeat` has decided, and
hears nothing. Before there is a token store, the first records of its files say about how many rows it will have, and
what is read eight times by that estimate is reported. Where PADDED makes few rows of long text, LR210 says it alone.

*On*

```json
{"datasets": {"chat/128": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"90": 300}, "val": {"90": 16}}}}}
```

*Bad*

```yaml
training:
  post_lora_tokens: [204800]
```

*Good*

```yaml
training:
  post_lora_tokens: [102400]
```

*Fix.* Lower the budget or the rate, or add text; there is no single answer, so nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schema.budget.draws import DatasetKey
from schema.document import Document
from schema.document.mixtures import Entry, cuts, entries
from schema.document.records import has_prompts
from schema.rules.style_storage_mismatch import cut_datasets
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count, in_words, quote

CODE = "LR212"
SLUG = "many-epochs"
SEVERITY = Severity.WARNING

MOST_TIMES = 4
# Of rows that were estimated by a few records; the text of a tenth of a file may be half as long as the rest.
MOST_ESTIMATED_TIMES = 2 * MOST_TIMES


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows that the stages take of each dataset with those there are, or will be."""
    if document.value("data/on_exhausted") == "stop":  # nothing is read twice
        return
    once = document.value("data/on_exhausted") == "error"
    if not once and document.given("data/on_exhausted"):
        return
    known = {cut.entry.key: cut for cut in cuts(document, ["train"]) if cut.rows}
    unknown = {entry.key: entry for entry in entries(document) if entry.dataset and entry.dataset.estimate}
    last: dict[DatasetKey, tuple[str, int]] = {}
    budget = document.budget
    for stage, drawn in zip(budget.stages, budget.draws, strict=True) if known or unknown else ():
        last |= {entry.key: (stage.path, entry.taken) for entry in drawn if entry.taken is not None}
    few = set() if once else _of_few_rows(document)
    judged = {key: taken for key, taken in last.items() if key not in few}
    for key, cut in known.items():
        if key in judged and judged[key][1] > cut.rows * (1 if once else MOST_TIMES):
            yield _finding(document, cut.entry, judged[key], _Rows(cut.rows, count(cut.rows, "row"), True), once)
    for key, entry in unknown.items():
        rows = _estimated(document, entry)
        most = rows.number * (2 if once else MOST_ESTIMATED_TIMES)
        if key in judged and key not in known and judged[key][1] > most:
            yield _finding(document, entry, judged[key], rows, once)


def _of_few_rows(document: Document) -> set[DatasetKey]:
    """Datasets of long text of which PADDED takes little, so that another style has more rows of them."""
    return {entry.key for entry, _ in cut_datasets(document) if not has_prompts(document, entry)}


class _Rows(NamedTuple):
    """How many rows a dataset has, how that is said, and whether they were counted."""

    number: int
    said: str
    counted: bool


def _estimated(document: Document, entry: Entry) -> _Rows:
    found = entry.dataset.estimate if entry.dataset else None
    assert found is not None
    rows = found.rows(entry.values["style"], document.value("architecture/block_size"))
    return _Rows(rows, f"{in_words(found.text_bytes)} of files, which make about {count(rows, 'row')}", False)


def _finding(document: Document, entry: Entry, last: tuple[str, int], rows: _Rows, once: bool) -> Diagnostic:
    stage, taken = last
    message = (
        f"{quote(entry.name)} has {rows.said}, and the plan takes {taken:,} by the end of {stage}: it is read "
        f"{taken / rows.number:,.1f} times"
    )
    if once:
        message += ", and data/on_exhausted is error"
    remedy = "lower the budget, or write data/on_exhausted: repeat if this is meant"
    severity = Severity.ERROR if once and rows.counted else SEVERITY
    return Diagnostic(CODE, SLUG, severity, document.span(entry.path), message, remedy)
