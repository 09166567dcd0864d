"""The plan reads a dataset more than four times, or more than once where data/on_exhausted is error.

*Why it is bad.* From about the fourth time on, text that was seen before teaches a model almost nothing, and the budget
is spent on learning it by heart (Muennighoff et al. 2023, Scaling Data-Constrained Language Models). With
`on_exhausted: error` the run refuses to begin a second time. Whoever writes `on_exhausted: repeat` has decided, and
hears nothing.

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

from schema.budget import stages as budget
from schema.document import Document, Unavailable
from schema.rules._datasets import Cut, cuts
from schema.rules._stages import planned, stage_path
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR212"
SLUG = "many-epochs"
SEVERITY = Severity.WARNING

MOST_TIMES = 4


def check(document: Document) -> Iterator[Diagnostic]:
    """Add up the rows that the stages take of each dataset, and compare them with those there are."""
    once = document.value("data/on_exhausted") == "error"
    if not once and document.given("data/on_exhausted"):
        return
    known = {cut.entry.key: cut for cut in cuts(document) if cut.name == "train" and cut.rows}
    taken: dict[tuple[str, str, str], int] = {}
    last: dict[tuple[str, str, str], budget.StageBudget] = {}
    for stage in planned(document) if known else ():
        for key, rows in _rows(document, stage):
            taken[key], last[key] = taken.get(key, 0) + rows, stage
    for key, cut in known.items():
        if taken.get(key, 0) > cut.rows * (1 if once else MOST_TIMES):
            yield _finding(document, cut, taken[key], last[key], once)


def _rows(document: Document, stage: budget.StageBudget) -> Iterator[tuple[tuple[str, str, str], int]]:
    rates = [entry["rate"] for entry in stage.mixture]
    if any(rate <= 0 for rate in rates):
        raise Unavailable(stage_path(stage))
    rows = budget.rows_before(budget.shares(rates), stage.steps * document.value("training/batch_size"))
    for entry, taken in zip(stage.mixture, rows, strict=True):
        yield (entry["name"], entry["suffix"], entry["style"]), taken


def _finding(document: Document, cut: Cut, taken: int, last: budget.StageBudget, once: bool) -> Diagnostic:
    message = (
        f"{quote(cut.entry.name)} has {cut.rows:,} rows, and the plan takes {taken:,} by the end of "
        f"{stage_path(last)}: it is read {taken / cut.rows:,.1f} times"
    )
    if once:
        message += ", and data/on_exhausted is error"
    remedy = "lower the budget, or write data/on_exhausted: repeat if this is meant"
    severity = Severity.ERROR if once else SEVERITY
    return Diagnostic(CODE, SLUG, severity, document.span(cut.entry.path), message, remedy)
