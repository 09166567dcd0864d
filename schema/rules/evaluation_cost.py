"""Validation takes more than a quarter of the time that training takes.

*Why it is good to know.* Each one reads up to training/validation_steps rows of each dataset; with a small batch and a
short interval that is soon as many as were trained in between. A row costs a third of what it costs in phase full, and
half of what it costs in phase lora, for it has no backward pass.

*Bad*

```yaml
logging:
  validation_interval: 2
```

*Good*

```yaml
logging:
  validation_interval: 100
```

*Fix.* Write a longer interval, or fewer rows. A run that validates at most 500 times, and in all no more than ten
million tokens, is left alone. So is one of which neither the spec nor, with `--env`, a store says how many rows there
are.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from schema.budget.draws import DatasetKey
from schema.budget.stages import Phase
from schema.document import Document
from schema.document.mixtures import cuts, entries
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

CODE = "LR608"
SLUG = "evaluation-cost"
SEVERITY = Severity.INFO

INTERVAL, ROWS = "logging/validation_interval", "training/validation_steps"
MOST, MOST_RUNS, MOST_TOKENS = Fraction(1, 4), 500, 10**7
# What a row of training costs, where the forward pass alone is 1: FLOPs are 6, 4 and 2 a parameter and token.
TRAINING_COST: dict[Phase, int] = {"full": 3, "lora": 2}


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the rows that all validations read with those of the steps."""
    interval, phases = document.value(INTERVAL), document.budget.phases.values()
    if not document.value("training/validation") or not document.given(INTERVAL) or interval == "never":
        return
    runs, rows = sum(phase.validation_steps.number for phase in phases), _rows(document)
    trained = document.value("training/batch_size") * sum(phase.steps * TRAINING_COST[phase.name] for phase in phases)
    each = sum(rows.values())
    many = runs * len(rows) > MOST_RUNS or runs * each * document.value("architecture/block_size") > MOST_TOKENS
    if many and runs * each > MOST * trained:
        cost = Fraction(runs * each, trained)
        message = (
            f"the run validates {runs:,} times, on {each:,} rows of {count(len(rows), 'dataset')}: that takes about "
            f"{float(cost):.0%} of the time that training takes"
        )
        remedy = f"write {-int(-interval * cost // MOST)} or more, or fewer rows in {ROWS}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(INTERVAL), message, remedy)


def _rows(document: Document) -> dict[DatasetKey, int]:
    """Rows that one validation reads of each dataset, as far as the spec or a store says how many."""
    most = document.value(ROWS)
    rows = {entry.key: most if document.given(ROWS) else 0 for entry in entries(document)}
    return rows | {cut.entry.key: min(cut.rows, most) for cut in cuts(document) if cut.name == "val"}
