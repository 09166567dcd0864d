"""The file belongs to another program.

*Why it is bad.* Nearly every key of it would be unknown here, and one sentence says more than thirty findings. The keys
that have a counterpart are listed, theirs and ours, and nothing else is judged.

*Bad*

```yaml whole
base_model: HuggingFaceTB/SmolLM2-135M
datasets:
- path: notes.jsonl
  type: completion
sequence_len: 512
adapter: lora
lora_r: 8
num_epochs: 2
```

*Good*

```yaml
optimization:
  lora: {rank: 8}
```

*Fix.* Write a spec; `lorarun init` begins one. Give `validate` the specs alone, where other files lie beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR015"
SLUG = "other-program"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what was recognised when the file was read."""
    for problem in document.problems_of(SLUG):
        yield problem.diagnostic(CODE, SLUG, SEVERITY)
