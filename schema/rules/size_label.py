"""The name of the file or of its folder states a size, such as 700m or 1b, and the model has another.

*Why it is good to know.* Results are compared by these names. A quarter more or less is let pass, and so are names that
count the model without its embedding and output head. A number is no size where it means the tokens of a budget, stands
beside a word such as tokens, steps, batch or teacher or the name of a dataset, or is ten times too large or too small.

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
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from schema.document import Document
from schema.document.mixtures import entries
from schema.rules._adapters import shaped
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR510"
SLUG = "size-label"
SEVERITY = Severity.INFO

LABEL = re.compile(
    r"(?<![A-Za-z0-9.])(?:(?P<whole>[0-9]{1,2})[_pP-])?(?P<number>[0-9]{1,4}(?:\.[0-9]{1,3})?)(?P<unit>[mMbB])(?![A-Za-z0-9])"
)
UNITS = {"m": 10**6, "b": 10**9}
# Beside one of these words, or beside the name of a dataset, a number is no size of a model.
OTHERS = (
    *("batch", "bs", "budget", "corpus", "data", "dataset", "docs", "examples", "rows"),
    *("samples", "seen", "step", "steps", "tok", "toks", "token", "tokens"),
    *("from", "teacher", "traces"),  # another model's
)
APART, BUDGET_APART = Fraction(1, 4), Fraction(1, 20)
FARTHEST = 10  # times too large or too small: what is farther away means something else


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the labels of the path with the parameters, and with the budgets that were written."""
    path = Path(document.start.origin.name)
    labels = [label for name in (path.stem, path.parent.name) for label in LABEL.finditer(name)]
    if not labels:
        return
    every, beside = shaped(document), _beside([*OTHERS, *(entry.name for entry in entries(document))])
    whole = sum(parameter.size for parameter in every)
    blocks = sum(parameter.size for parameter in every if parameter.role not in ("embedding", "positions", "head"))
    budgets = _budgets(document)
    meant = [
        (label[0], size)
        for label in labels
        for size in ([] if beside(label) else _readings(label))
        if whole < FARTHEST * size < FARTHEST**2 * whole
        and not any(_near(size, each, BUDGET_APART) for each in budgets)
    ]
    if not meant or any(_near(size, each, APART) for _, size in meant for each in (whole, blocks)):
        return
    name, _ = min(meant, key=lambda each: abs(each[1] - whole))
    message = f"{path.name} lies under the name {name}" if name not in path.stem else f"{path.name} says {name}"
    message += f", and the model has {_short(whole)} parameters"
    place = document.span("architecture")
    yield Diagnostic(CODE, SLUG, SEVERITY, place, message, "rename it, or change the architecture")


def _beside(words: Sequence[str]) -> Callable[[re.Match[str]], bool]:
    """Make a test of whether a label stands beside one of these words."""
    either = "|".join(map(re.escape, words))
    before = re.compile(rf"(?:^|[^a-z])(?:{either})[^a-z0-9]*$", re.IGNORECASE)
    behind = re.compile(rf"^[^a-z0-9]*(?:{either})(?:$|[^a-z])", re.IGNORECASE)
    return lambda label: bool(
        before.search(label.string[: label.start()]) or behind.search(label.string[label.end() :])
    )


def _readings(label: re.Match[str]) -> Iterator[Fraction]:
    """Yield what a label may state: 1_3b is 3b behind a one, or 1.3b."""
    unit = UNITS[label["unit"].lower()]
    yield Fraction(label["number"]) * unit
    if label["whole"] and "." not in label["number"]:
        yield Fraction(f"{label['whole']}.{label['number']}") * unit


def _near(stated: Fraction, found: int, apart: Fraction) -> bool:
    return abs(found - stated) <= apart * stated


def _budgets(document: Document) -> list[int]:
    """Tokens of each stage, phase and run that the user wrote."""
    written = [stage for stage in document.budget.asked if document.given(stage.path)]
    phases = [sum(stage.tokens for stage in written if stage.phase == phase) for phase in ("full", "lora")]
    return [*(stage.tokens for stage in written), *phases, sum(phases)]


def _short(parameters: int) -> str:
    unit = "B" if parameters >= UNITS["b"] else "M"
    return f"{parameters / UNITS[unit.lower()]:.3g} {unit}" if parameters >= 10**6 else f"{parameters:,}"
