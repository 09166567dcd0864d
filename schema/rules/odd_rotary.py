"""Rotary positions with an odd head size.

*Why it is bad.* They turn pairs of features, so a head needs an even number of them.

*Bad*

```yaml
architecture:
  n_embd: 132
```

*Good*

```yaml
architecture:
  n_embd: 136
```

*Fix.* Choose n_embd / n_head even, or set rope: false. `--unsafe-fixes` writes the next n_embd that is.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.families import options_of, shape_is_whole
from schema.rules._adapters import NO_SHAPE
from schema.rules._config import at_config
from schema.rules._edits import put
from schema.text.diagnostic import Diagnostic, Severity, fix

CODE = "LR503"
SLUG = "odd-rotary"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the head size, where it is whole."""
    width, heads = document.value("architecture/n_embd"), document.value("architecture/n_head")
    architecture = document.view("architecture", (*NO_SHAPE, "vocab_size", "block_size", "intermediate_size"))
    if not document.value("architecture/rope") or not shape_is_whole(architecture):
        return
    features = options_of(architecture).head_dim
    if features % 2 == 0:
        return
    if document.value("architecture/head_dim") is not None:
        message = f"rotary positions need an even head size, and head_dim is {features}"
        written = fix(document.edits.replace(parse("architecture/head_dim"), str(features + 1)), safe=False)
        where = document.span("architecture/head_dim")
        found = Diagnostic(CODE, SLUG, SEVERITY, where, message, f"write head_dim: {features + 1}", fix=written)
        yield at_config(document, found, "head_dim")
        return
    key = "architecture/n_embd" if document.given("architecture/n_embd") else "architecture/n_head"
    message = f"rotary positions need an even head size, and n_embd / n_head is {width} / {heads} = {features}"
    remedy = f"write n_embd: {width + heads}, or rope: false"
    written = fix(put(document, "architecture/n_embd", str(width + heads)), safe=False)
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), message, remedy, fix=written)
