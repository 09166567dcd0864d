"""Phase lora is written, and optimization/lora is not: all of its defaults apply.

*Why it is good to know.* Rank, alpha and above all target_modules decide what is trained; the default target `kernel`
reaches every projection, the output head included.

*Bad*

```yaml
optimization:
  lora: DELETE
```

*Good*

```yaml
optimization:
  lora: {rank: 8, alpha: 16.0, target_modules: [attn, mlp]}
```

*Fix.* Write optimization/lora with its rank and targets.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR109"
SLUG = "adapter-defaults"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Say which defaults shape the adapters."""
    keys = ("post_lora_tokens", "post_lora_dataset")
    written = [key for key in keys if document.given(f"training/{key}")]
    if not written or document.given("optimization/lora") or "lora" not in document.budget.phases:
        return
    lora = document.value("optimization/lora")
    message = (
        f"optimization/lora is not written: rank {lora['rank']}, alpha {lora['alpha']:g} and target_modules "
        f"[{', '.join(lora['target_modules'])}] apply"
    )
    yield Diagnostic(
        CODE, SLUG, SEVERITY, document.span(f"training/{written[0]}"), message, "write optimization/lora out"
    )
