"""A target of the adapters also matches the embedding or the output head, beside projections of the blocks.

*Why it is bad.* A target is any part of a path, so a short one reaches further than it reads: `kernel` is also the
output head, which is often larger than all blocks together.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [kernel]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [attn, mlp, lm_head]
```

*Fix.* Name each part that is meant. Nothing is written: only you know which.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.families import ALL_LINEAR
from schema.rules._adapters import matrices, named, parts, roles, trained, written_targets
from schema.rules._targets import is_a_letter, meant_targets
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR305"
SLUG = "target-too-broad"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at the roles of what each written target matches."""
    if not trained(document):
        return
    every = named(document)
    for path, target in written_targets(document):
        found = matrices(every, target)
        if len(roles(found)) > 1:
            message = f"{quote(target)} matches {join(roles(found), 'and')}"
            remedy = f"name those that are meant: {join(parts(every, found), 'or')}"
            if is_a_letter(target, every) and (meant := meant_targets(target, every)):
                remedy = f"write {', '.join(meant)}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
        elif is_a_letter(target, every):
            meant = meant_targets(target, every)
            message = f"{quote(target)} matches every matrix of the blocks, as that letter stands in all their paths"
            remedy = f"write {', '.join(meant or [ALL_LINEAR])}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
