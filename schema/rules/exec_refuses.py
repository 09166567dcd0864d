"""`exec` would refuse the spec on this machine before its first step, for a reason that no other rule has.

*Why it is bad.* The run does not start: the weights or adapters that it begins with are damaged, its folder can't be
written, its checkpoints are gone. With `--env` the checks of `exec` are made in its order, and the sentence is its own.

*On*

```json
{"refused": [["token store 'data/web' cannot be written: Permission denied", "allow it", "data/root", "data"]]}
```

*Bad*

```yaml
data:
  root: data
```

*Good*

```yaml
data:
  root: scratch
```

*Fix.* Do what the sentence says; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.rules._machine import argument
from schema.text.diagnostic import Diagnostic, Severity

CODE = "LR517"
SLUG = "exec-refuses"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report each refusal where what it is about stands, as long as the spec says the same there."""
    for refused in document.environment.refused if document.environment else ():
        if refused.key.startswith("-"):
            option, _, text = refused.key.partition(" ")
            where = argument(option, text)
        elif refused.value in ("", str(document.value(refused.key))):
            where = document.span(refused.key)
        else:
            continue
        yield Diagnostic(CODE, SLUG, SEVERITY, where, refused.message, refused.remedy)
