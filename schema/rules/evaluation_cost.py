"""More than 500 validations of a dataset in one run.

*Why it is good to know.* Each one reads up to training/validation_steps rows of each dataset; so many can cost more
than the training between them.

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

*Fix.* Write a longer interval.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import entries
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

CODE = "LR608"
SLUG = "evaluation-cost"
SEVERITY = Severity.INFO

MOST = 500


def check(document: Document) -> Iterator[Diagnostic]:
    """Count the steps that validate, times the datasets that each of them scores."""
    path = "logging/validation_interval"
    interval = document.value(path)
    if not document.value("training/validation") or not document.given(path) or interval == "never":
        return
    runs = sum(phase.validation_steps.number for phase in document.budget.phases.values())
    datasets = len({entry.key for entry in entries(document)})
    if runs * datasets > MOST:
        message = f"the run validates {count(datasets, 'dataset')} {runs:,} times: {runs * datasets:,} validations"
        remedy = f"write {interval * -(-runs * datasets // MOST)} or more"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
