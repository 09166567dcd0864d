"""A target of the adapters adds nothing to another one.

*Why it is good to know.* Every parameter that it matches has its adapter already. Whoever removes the other target, or
this one, changes something else than expected.

*Bad*

```yaml
optimization:
  lora:
    target_modules: [attn, attn/q_proj, mlp]
```

*Good*

```yaml
optimization:
  lora:
    target_modules: [attn, mlp]
```

*Fix.* `--unsafe-fixes` removes the target, and `--fix` one that is listed twice; the adapters stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.rules._adapters import matrices, named, roles, trained, written_targets
from schema.text.diagnostic import Diagnostic, Related, Severity, fix
from schema.text.wording import quote

CODE = "LR306"
SLUG = "target-subsumed"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the matrices of each target with those of every other one."""
    if not trained(document):
        return
    every, targets = named(document), list(written_targets(document))
    reach = [{parameter.path for parameter in matrices(every, target)} for _, target in targets]
    # A target that reaches too far is the one to change, and the others are what it should become.
    narrow = [len(roles(matrices(every, target))) <= 1 for _, target in targets]
    for index, (path, target) in enumerate(targets):
        for other, (other_path, other_target) in enumerate(targets):
            same = reach[index] == reach[other]
            first = (len(other_target), other) < (len(target), index)
            if reach[index] and narrow[other] and (first if same else reach[index] < reach[other]):
                again = "is listed twice" if target == other_target else f"adds nothing to {quote(other_target)}"
                related = (Related(document.span(other_path), "covered by this target"),)
                removed = fix(document.edits.remove(parse(path)), safe=target == other_target)
                span, message = document.span(path), f"{quote(target)} {again}"
                yield Diagnostic(CODE, SLUG, SEVERITY, span, message, "remove it", related, removed)
                break
