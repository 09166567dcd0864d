"""training/tokens or training/dataset stands beside per-phase keys and says something else.

*Why it is bad.* Only one of the two families decides; the other would be ignored without a word.

*Bad*

```yaml
training:
  dataset: [{name: web, rate: 1.0, style: PMD}]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
```

*Fix.* Keep the per-phase keys, or only training/tokens and training/dataset.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema import budget
from schema.diagnostic import Diagnostic, Related, Severity
from schema.document import Document
from schema.rules._stages import PER_PHASE

CODE = "LR111"
SLUG = "two-budget-families"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the single budget and mixture with those of the phases, where both are written."""
    written = [key for key in PER_PHASE if document.given(f"training/{key}")]
    if not written:
        return
    other = Related(document.span(f"training/{written[0]}"), "a per-phase key decides")
    remedy = "remove it, or remove the per-phase keys"
    if document.given("training/tokens"):
        asked = document.value("training/tokens")
        total = sum(sum(document.value(f"training/{key}")) for key in budget.TOKENS_KEY.values())
        if asked != total:
            message = f"training/tokens asks {asked:,} tokens, and the phases ask {total:,}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span("training/tokens"), message, remedy, (other,))
    if document.given("training/dataset"):
        mixture = document.value("training/dataset")
        mixtures = [each for key in budget.DATASET_KEY.values() for each in document.value(f"training/{key}")]
        if any(each != mixture for each in mixtures):
            message = "training/dataset names another mixture than the phases"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span("training/dataset"), message, remedy, (other,))
