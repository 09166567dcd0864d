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

from schema.budget.draws import DatasetKey
from schema.document import Document
from schema.document.mixtures import Cut, cuts
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR212"
SLUG = "many-epochs"
SEVERITY = Severity.WARNING

MOST_TIMES = 4


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows that the stages take of each dataset with those there are."""
    once = document.value("data/on_exhausted") == "error"
    if not once and document.given("data/on_exhausted"):
        return
    known = {cut.entry.key: cut for cut in cuts(document, ["train"]) if cut.rows}
    last: dict[DatasetKey, tuple[str, int, float]] = {}
    budget = document.budget
    for stage, drawn in zip(budget.stages, budget.draws, strict=True) if known else ():
        last |= {entry.key: (stage.path, entry.taken, entry.epochs) for entry in drawn if entry.epochs is not None}
    for key, cut in known.items():
        if key in last and last[key][1] > cut.rows * (1 if once else MOST_TIMES):
            yield _finding(document, cut, last[key], once)


def _finding(document: Document, cut: Cut, last: tuple[str, int, float], once: bool) -> Diagnostic:
    stage, taken, epochs = last
    message = (
        f"{quote(cut.entry.name)} has {cut.rows:,} rows, and the plan takes {taken:,} by the end of {stage}: it is "
        f"read {epochs:,.1f} times"
    )
    if once:
        message += ", and data/on_exhausted is error"
    remedy = "lower the budget, or write data/on_exhausted: repeat if this is meant"
    severity = Severity.ERROR if once else SEVERITY
    return Diagnostic(CODE, SLUG, severity, document.span(cut.entry.path), message, remedy)
