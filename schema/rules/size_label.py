"""The name of the file or of its folder states a size, such as 700m or 1b, and the model has another.

*Why it is good to know.* Results are compared by these names. A quarter more or less is let pass, and so are names that
count the model without its embedding and output head, or that mean the tokens of a budget.

*Bad*

```yaml
# gpt_1b.yaml
architecture:
  n_layers: 12
  n_embd: 768
```

*Good*

```yaml
# gpt_90m.yaml
architecture:
  n_layers: 12
  n_embd: 768
```

*Fix.* Rename the file, or change the architecture. Nothing is written: a fix does not rename files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from schema.document import Document
from schema.rules._adapters import shaped
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR510"
SLUG = "size-label"
SEVERITY = Severity.INFO

LABEL = re.compile(r"(?<![A-Za-z0-9.])(?P<number>[0-9]{1,4}(?:\.[0-9]{1,3})?)(?P<unit>[mMbB])(?![A-Za-z0-9])")
UNITS = {"m": 10**6, "b": 10**9}
APART, BUDGET_APART = Fraction(1, 4), Fraction(1, 20)


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the labels of the path with the parameters, and with the budgets that were written."""
    path = Path(document.start.origin.name)
    labels = [label for name in (path.stem, path.parent.name) for label in LABEL.finditer(name)]
    if not labels:
        return
    every = shaped(document)
    whole = sum(parameter.size for parameter in every)
    blocks = sum(parameter.size for parameter in every if parameter.role not in ("embedding", "positions", "head"))
    sizes = {label[0]: _stated(label) for label in labels}
    budgets = _budgets(document)
    meant = {name: size for name, size in sizes.items() if not any(_near(size, each, BUDGET_APART) for each in budgets)}
    if not meant or any(_near(size, each, APART) for size in meant.values() for each in (whole, blocks)):
        return
    name = min(meant, key=lambda name: abs(meant[name] - whole))
    message = f"{path.name} lies under the name {name}" if name not in path.stem else f"{path.name} says {name}"
    message += f", and the model has {_short(whole)} parameters"
    place = document.span("architecture")
    yield Diagnostic(CODE, SLUG, SEVERITY, place, message, "rename it, or change the architecture")


def _stated(label: re.Match[str]) -> Fraction:
    return Fraction(label["number"]) * UNITS[label["unit"].lower()]


def _near(stated: Fraction, found: int, apart: Fraction) -> bool:
    return abs(found - stated) <= apart * stated


def _budgets(document: Document) -> list[int]:
    """Tokens of each stage, phase and run that the user wrote."""
    written = [stage for stage in document.budget.stages if document.given(stage.path)]
    phases = [sum(stage.tokens for stage in written if stage.phase == phase) for phase in ("full", "lora")]
    return [*(stage.tokens for stage in written), *phases, sum(phases)]


def _short(parameters: int) -> str:
    unit = "B" if parameters >= UNITS["b"] else "M"
    return f"{parameters / UNITS[unit.lower()]:.3g} {unit}" if parameters >= 10**6 else f"{parameters:,}"
