"""A required key is absent.

*Why it is bad.* It has no default, because no value would be right for most runs.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      style: PMD
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - name: web
      rate: 1.0
      style: PMD
```

*Fix.* Add the key. `--fix` writes the rate of an entry that is alone in its mixture, `--unsafe-fixes` the rest that the
other entries leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import isfinite

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.scalars import number, spelled
from schema.text.source import Path, Scalar, Sequence
from schema.tokenizers import NAMED

CODE = "LR006"
SLUG = "missing-key"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        rate = _rate(document, problem.path) if problem.path[-1] == "rate" else ""
        if rate:
            added = fix(document.edits.insert(problem.path, rate), safe=float(rate) == 1)
            yield problem._replace(remedy=f"add 'rate: {rate}'").diagnostic(CODE, SLUG, SEVERITY, added)
        else:
            yield problem.diagnostic(CODE, SLUG, SEVERITY)
    backend = document.value("tokenizer/backend")
    if backend in NAMED and document.value("tokenizer/name") is None:
        examples = {
            "tiktoken": "'name: gpt2', or another encoding",
            "huggingface": "the folder that holds tokenizer.json",
        }
        message, remedy = f"the backend {backend} needs tokenizer/name", f"add {examples[backend]}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span("tokenizer/backend"), message, remedy)


def _rate(document: Document, path: Path) -> str:
    """What the other entries of a mixture leave to the one entry without a rate; empty where that is open."""
    mixture, nodes = path[:-2], document.found.nodes
    whole = nodes.get(mixture)
    if not isinstance(whole, Sequence):
        return ""
    written = [nodes.get((*mixture, index, "rate")) for index in range(len(whole.items))]
    shares = [number(rate.text) for rate in written if isinstance(rate, Scalar)]
    left = 1 - sum(Fraction(str(share)) for share in shares if share is not None and isfinite(share))
    return spelled(float(left)) if len(shares) + 1 == len(written) and None not in shares and left > 0 else ""
