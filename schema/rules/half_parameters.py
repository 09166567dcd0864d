"""Parameters are stored in float16.

*Why it is bad.* float16 ends at 65,504 and has nothing below 6e-8, and the loss is not scaled to stay between: large
gradients overflow, and small updates are lost.

*Bad*

```yaml
architecture:
  dtype:
    param: float16
```

*Good*

```yaml
architecture:
  dtype:
    param: float32
```

*Fix.* `--unsafe-fixes` writes float32. bfloat16 has its range, but loses small updates, as LR515 says; memory is better
saved by mesh/fsdp, by another optimizer, or by adapters alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR509"
SLUG = "half-parameters"
SEVERITY = Severity.WARNING

PARAM = "architecture/dtype/param"


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the type of the parameters."""
    if document.value(PARAM) == "float16":
        message = "parameters in float16 are trained without loss scaling, so gradients overflow or vanish"
        written = fix(document.edits.replace(parse(PARAM), "float32"), safe=False)
        yield Diagnostic(
            CODE,
            SLUG,
            SEVERITY,
            document.span(PARAM),
            message,
            "write float32",
            fix=written,
        )
