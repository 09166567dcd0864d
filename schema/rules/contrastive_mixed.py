"""CONTRASTIVE stands beside another style in one mixture.

*Why it is bad.* A CONTRASTIVE row is a pair of sequences whose losses are compared, a row of every other style is one
sequence with a loss of its own: no batch holds both.

*Bad*

```yaml
training:
  post_lora_dataset:
  - - {name: chat, rate: 0.5, style: PADDED}
    - {name: pairs, rate: 0.5, style: CONTRASTIVE}
```

*Good*

```yaml
training:
  post_lora_dataset:
  - - {name: chat, rate: 0.5, style: PADDED}
    - {name: pairs, rate: 0.5, style: PADDED}
```

*Fix.* Give the pairs a stage of their own, or learn the chosen answers alone, as here; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.budget.sides import CONTRASTIVE
from schema.document import Document
from schema.document.mixtures import is_mixed, written_mixtures
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR205"
SLUG = "contrastive-mixed"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the styles of each mixture."""
    for path, mixture in written_mixtures(document):
        styles = [str(entry["style"]) for entry in mixture]
        if not is_mixed(styles):
            continue
        index = styles.index(CONTRASTIVE)
        other = next(place for place, style in enumerate(styles) if style != CONTRASTIVE)
        message = (
            f"{path} mixes CONTRASTIVE ({quote(mixture[index]['name'])}) with {styles[other]} "
            f"({quote(mixture[other]['name'])}): a pair of answers and one text can't share a batch"
        )
        remedy = f"give {quote(mixture[index]['name'])} a stage of its own"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{path}[{index}]/style"), message, remedy)
