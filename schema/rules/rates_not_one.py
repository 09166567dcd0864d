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

*Fix.* `--unsafe-fixes` divides each rate by their sum, to six digits behind the point.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from schema.document import Document, parse
from schema.document.mixtures import written_mixtures
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR201"
SLUG = "rates-not-one"
SEVERITY = Severity.ERROR

TOLERANCE = Fraction(1, 1_000_000)
DIGITS = 6


def check(document: Document) -> Iterator[Diagnostic]:
    """Add the rates up as the decimal numbers they are; a difference up to 1e-6 is rounding."""
    for path, entries in written_mixtures(document):
        rates: list[float] = [entry["rate"] for entry in entries]
        if not rates or min(rates) <= 0:
            continue
        total = sum((Fraction(str(rate)) for rate in rates), Fraction(0))
        if abs(total - 1) <= TOLERANCE:
            continue
        message = f"the rates of {path} add up to {float(total):g}"
        if len(rates) == 1:
            message = f"the only rate of {path} is {float(total):g}"
        shares = _shares(rates)
        edits = [
            document.edits.replace(parse(f"{path}[{index}]/rate"), share)
            for index, share in enumerate(shares)
            if Fraction(share) != Fraction(str(rates[index]))
        ]
        remedy = f"write {', '.join(shares)} to keep their ratio" if len(rates) > 1 else "write 1"
        written = fix(*edits, safe=False) if all(Fraction(share) > 0 for share in shares) else None
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)


def _shares(rates: list[float]) -> list[str]:
    """Divide each rate by their sum; the largest takes what rounding leaves, so that they add up to 1 exactly."""
    written = [Fraction(str(rate)) for rate in rates]
    rounded = [round(rate / sum(written), DIGITS) for rate in written]
    largest = written.index(max(written))
    rounded[largest] += 1 - sum(rounded)
    return [f"{float(share):.{DIGITS}f}".rstrip("0").rstrip(".") for share in rounded]
