"""training/tokens or training/dataset stands beside per-phase keys and says something else.

*Why it is bad.* Only one of the two families decides; the other would be ignored without a word. Beside a per-phase
key, training/tokens and training/dataset don't reach phase full either.

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

*Fix.* Keep the per-phase keys, or only training/tokens and training/dataset. `--unsafe-fixes` renames those two to the
keys of phase full that are missing, and removes them where they are written already.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.deciding import OF_PHASE_FULL, PER_PHASE
from schema.budget.stages import DATASET_KEY, TOKENS_KEY
from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Edit, Related, Severity, fix

CODE = "LR111"
SLUG = "two-budget-families"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the single budget and mixture with those of the phases, where both are written."""
    written = [key for key in PER_PHASE if document.given(f"training/{key}")]
    if not written:
        return
    other = Related(document.span(f"training/{written[0]}"), "a per-phase key decides")
    for key, own in OF_PHASE_FULL.items():
        path = f"training/{key}"
        message = _disagreement(document, key, own) if document.given(path) else ""
        if message:
            moved = fix(*_moved(document, path, own), safe=False)
            missing = own in document.budget.displaced.values()
            remedy = f"write it as training/{own}" if missing else "remove it, or remove the per-phase keys"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, (other,), moved)


def _disagreement(document: Document, key: str, own: str) -> str:
    """Say what a key of a run of one phase asks that the phases don't; empty when it is the same."""
    if key in document.budget.displaced:
        return f"beside per-phase keys, training/{key} is not read, and phase full has no training/{own}"
    asked = document.value(f"training/{key}")
    if key == "tokens":
        total = sum(sum(document.value(f"training/{each}")) for each in TOKENS_KEY.values())
        return f"training/tokens asks {asked:,} tokens, and the phases ask {total:,}" if asked != total else ""
    mixtures = [each for name in DATASET_KEY.values() for each in document.value(f"training/{name}")]
    other = any(each != asked for each in mixtures)
    return "training/dataset names another mixture than the phases" if other else ""


def _moved(document: Document, path: str, own: str) -> tuple[Edit | None, ...]:
    """Give phase full what was meant for one phase, or drop it where phase full has its own."""
    keys, edits = parse(path), document.edits
    if document.given(f"training/{own}"):
        return (edits.remove(keys),)
    return edits.rename(keys, own), edits.wrap(keys)
