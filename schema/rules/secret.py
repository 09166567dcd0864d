"""The spec holds what looks like a credential: a token, a key or a password.

*Why it is bad.* Specs are committed, copied into runs and shared. Whoever reads this one can act in your name, and a
credential that was written down once counts as known.

*Bad*

```yaml
logging:
  wandb: true
  x-upload: hf_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH
```

*Good*

```yaml
logging:
  wandb: true
  x-upload: the token is in HF_TOKEN
```

*Fix.* Remove it, withdraw it where it was issued, and keep the new one in the environment. Nothing is written. Values,
keys and comments are searched; what is found is shown as x in every output, and no fix touches it. A key that no spec
has is also LR003, or LR014 in `--set`, and a text that is no YAML also LR001.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Origin, Severity, Span

CODE = "LR701"
SLUG = "secret"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what was hidden when the file and the `--set` arguments were read."""
    for origin in _origins(document):
        for secret in origin.secrets:
            where = Span(origin, secret.line, secret.column, secret.line, secret.end_column)
            keeper = f"the environment variable {secret.variable}" if secret.variable else "the environment"
            message = f"{secret.kind} stands in the spec; its letters are shown as x"
            remedy = f"remove it, withdraw it where it was issued, and keep a new one in {keeper}"
            yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)


def _origins(document: Document) -> list[Origin]:
    """The texts that something was read from, or tried to be, each once."""
    places = [node.span for node in (*document.found.nodes.values(), *document.found.keys.values())]
    places += [document.start, *(problem.span for problem in document.problems)]
    return list({id(place.origin): place.origin for place in places}.values())
