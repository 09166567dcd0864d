"""An adapter has as many parameters as the matrix it sits on, or more.

*Why it is bad.* Two factors of this rank hold nothing that the matrix itself could not: the run pays for a low rank
and does not get one.

*Bad*

```yaml
optimization:
  lora:
    rank: 64
    alpha: 64
```

*Good*

```yaml
optimization:
  lora:
    rank: 32
```

*Fix.* `--unsafe-fixes` writes the largest rank at which every adapter is smaller than its matrix.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.families import Parameter
from schema.rules._adapters import TARGETS, matrices, parts, shaped, trained
from schema.rules._edits import put
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import join

CODE = "LR304"
SLUG = "adapter-not-smaller"
SEVERITY = Severity.WARNING

RANK = "optimization/lora/rank"


def check(document: Document) -> Iterator[Diagnostic]:
    """Count the parameters of each adapter and of its matrix."""
    if not trained(document):
        return
    rank, every = document.value(RANK), shaped(document)
    found = matrices(every, *document.value(TARGETS))
    wide = [parameter for parameter in found if rank > _largest(parameter)]
    if not wide:
        return
    worst = min(wide, key=_largest)
    inputs, outputs = worst.matrix or (0, 0)
    message = (
        f"at rank {rank} the adapter of {worst.path} ({inputs} × {outputs}) has {rank * (inputs + outputs):,} "
        f"parameters, and the matrix {inputs * outputs:,}"
    )
    most = _largest(worst)
    names = join(parts(every, wide), "and")
    remedy = f"write a rank of {most} or less, or leave out {names}" if most else f"leave out {names}"
    written = fix(put(document, RANK, str(most)), safe=False) if most else None
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(RANK), message, remedy, fix=written)


def _largest(parameter: Parameter) -> int:
    """The largest rank at which an adapter is smaller than this matrix."""
    inputs, outputs = parameter.matrix or (0, 0)
    return (inputs * outputs - 1) // (inputs + outputs)
