"""The rates of a mixture do not add up to 1.

*Why it is bad.* Rates are shares of the rows. What is missing or too much has to be spread over the datasets somehow,
and the spec should say how.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 0.5, style: PMD}
    - {name: code, rate: 0.4, style: PMD}
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 0.6, style: PMD}
    - {name: code, rate: 0.4, style: PMD}
```

*Fix.* Divide each rate by their sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from schema.diagnostic import Diagnostic, Severity
from schema.document import Document
from schema.rules._stages import mixtures

CODE = "LR201"
SLUG = "rates-not-one"
SEVERITY = Severity.ERROR

TOLERANCE = Fraction(1, 1_000_000)


def check(document: Document) -> Iterator[Diagnostic]:
    """Add the rates up as the decimal numbers they are; a difference up to 1e-6 is rounding."""
    for path, entries in mixtures(document):
        rates: list[float] = [entry["rate"] for entry in entries]
        if not rates or min(rates) <= 0:
            continue
        total = sum((Fraction(str(rate)) for rate in rates), Fraction(0))
        if abs(total - 1) <= TOLERANCE:
            continue
        message = f"the rates of {path} add up to {float(total):g}"
        remedy = f"write {', '.join(f'{rate / float(total):.6g}' for rate in rates)} to keep their ratio"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
