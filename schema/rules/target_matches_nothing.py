"""A target of the adapters matches no parameter.

*Why it is bad.* Those who wrote it expect adapters there; without a word, the others alone would be trained.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [q_prj, v_proj, mlp]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [q_proj, v_proj, mlp]
```

*Fix.* Write a part of a parameter's path. `--unsafe-fixes` writes the nearest, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.families import matches
from schema.rules._adapters import TARGETS, named
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import join, nearest, quote

CODE = "LR301"
SLUG = "target-matches-nothing"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each target with the paths of the parameters, which follow from the architecture keys."""
    targets = document.value(TARGETS)
    family = document.value("architecture/family")
    paths = [parameter.path for parameter in named(document)]
    for index, target in enumerate(targets):
        if any(matches(path, [target]) for path in paths):
            continue
        segments = list(dict.fromkeys(segment for path in paths for segment in path.split("/")))
        near = nearest(target, segments) or nearest(target, paths)
        remedy = f"write {join(near, 'or')}" if near else f"write a part of a path: {join(segments, 'or')}"
        where = f"{TARGETS}[{index}]"
        edit = document.edits.replace(parse(where), near[0]) if len(near) == 1 else None
        message = f"{quote(target)} matches no parameter of {family}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(where), message, remedy, fix=fix(edit, safe=False))
