"""Rows have segments, so that attention on a GPU takes XLA's kernel in place of cuDNN's.

*Why it is good to know.* A token of a PACKED row, and of a PMD row with document_mask, attends to its own example or
document only. The kernel of cuDNN that JAX offers can't keep them apart; that of XLA can, but forms the scores of all
pairs of tokens of a row, which takes time and memory with the square of block_size.

*On*

```json
{"devices": 1, "device_bytes": 17179869184}
```

*Bad*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD, document_mask: true}]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
```

*Fix.* Keep it where padding or documents that see each other cost more than the kernel; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import Entry, entries
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import in_words, join

CODE = "LR519"
SLUG = "segments-on-gpu"
SEVERITY = Severity.INFO

SCORE_BYTES = 4  # of the scores of one head for one pair of tokens


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for segments on a GPU whose kernel would else be that of cuDNN; say it once."""
    if document.environment is None or document.environment.device_bytes is None:
        return
    phases = document.budget.phases.values()
    if all(phase.attention_kernel == phase.kernel_without_segments for phase in phases):
        return
    found: dict[str, Entry] = {}  # the first entry of each style
    for entry in entries(document):
        if entry.key.is_segmented:
            found.setdefault("PACKED" if entry.values["style"] == "PACKED" else "document_mask", entry)
    architecture = document.budget.sections.architecture
    scores = architecture.n_head * architecture.block_size**2 * SCORE_BYTES
    message = (
        f"rows have segments, by {join(sorted(found), 'and')}, which cuDNN's attention can't keep apart: XLA's is "
        f"taken, and forms {in_words(scores)} of scores for a row of {architecture.block_size:,} tokens"
    )
    remedy = "keep it where that costs less than padding, or shorten block_size"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(next(iter(found.values())).path), message, remedy)
