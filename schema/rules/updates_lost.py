"""Parameters are stored in bfloat16, and the learning rate is too small to change many of them.

*Why it is bad.* bfloat16 keeps 8 bits of a number, and phase full keeps no finer copy: what is added to a weight w is
lost where it is less than half a step at w, which is between |w| · 2⁻⁹ and |w| · 2⁻⁸. Measured: after 400 steps at a
rate of 3e-5 the loss is 5.13, and 4.62 with parameters in float32. This is an estimate, told from a fifth of the
weights on: an update of adamw is about the rate, and weights are taken as normal(0, 0.02).

*Bad*

```yaml
architecture:
  dtype:
    param: bfloat16
optimization:
  lr: 3.0e-5
```

*Good*

```yaml
architecture:
  dtype:
    param: float32
    activation: bfloat16
optimization:
  lr: 3.0e-5
```

*Fix.* Store parameters in float32, which `--unsafe-fixes` writes: products are still computed in
architecture/dtype/activation, as fast as before. Adapters are float32 always, so that phase lora has no such loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, erfc, log2, sqrt

from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR515"
SLUG = "updates-lost"
SEVERITY = Severity.WARNING

PARAM = "architecture/dtype/param"
HALF_STEP = -8  # weights of 2^e to 2^(e+1) lie 2^(e-7) apart in bfloat16, so that 2^(e-8) is rounded back to them
TYPICAL = 0.02  # standard deviation of matrices, as they are initialised and about as they are after training
LEAST = 0.2
SMALLEST = 1e-300


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the size of an update with half a step of bfloat16 at a typical weight."""
    if document.value(PARAM) != "bfloat16" or "full" not in document.budget.phases:
        return
    rate = document.value("optimization/lr")
    first = 2.0 ** ceil(log2(max(_update(document, rate), SMALLEST)) - HALF_STEP)
    lost = erfc(first / (TYPICAL * sqrt(2)))
    if lost >= LEAST:
        message = (
            f"at a rate of {rate:g} bfloat16 parameters lose updates: none changes a weight of {first:.2g} or more, "
            f"about {lost:.0%} of weights with a standard deviation of {TYPICAL:g}"
        )
        written = fix(document.edits.replace(parse(PARAM), "float32"), safe=False)
        remedy = "write float32; products are computed in dtype/activation all the same"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(PARAM), message, remedy, fix=written)


def _update(document: Document, rate: float) -> float:
    """About how much one step changes a weight at this rate."""
    kind = document.value("optimization/optimizer")
    if kind == "muon":
        size = document.value("optimization/muon/consistent_rms")
        # Else the root mean square of an orthogonal matrix of this width.
        return rate * float(size if size is not None else document.value("architecture/n_embd") ** -0.5)
    if kind == "adafactor" and document.value("optimization/adafactor/multiply_by_parameter_scale"):
        return rate * TYPICAL
    return rate
