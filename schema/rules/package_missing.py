"""A package that the spec needs is not installed, or can't be imported.

*Why it is bad.* `exec` stops before its first step. tiktoken and wandb are installed with lorarun only where they are
asked for; with `--env` they are imported as `exec` imports them.

*On*

```json
{"missing": {"wandb": ["logging/wandb is true, and wandb is not installed", "pip install 'lorarun[wandb]'"]}}
```

*Bad*

```yaml
logging:
  wandb: true
```

*Good*

```yaml
logging:
  wandb: false
```

*Fix.* Install it, or do without; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR516"
SLUG = "package-missing"
SEVERITY = Severity.ERROR

# What a spec says where it needs a package.
NEEDED_BY = {"wandb": ("logging/wandb", True), "tiktoken": ("tokenizer/backend", "tiktoken")}


def check(document: Document) -> Iterator[Diagnostic]:
    """Report each package that is needed and missing."""
    for package, found in document.environment.missing.items() if document.environment else ():
        key, value = NEEDED_BY[package]
        if document.value(key) == value:
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), found.message, found.remedy)
