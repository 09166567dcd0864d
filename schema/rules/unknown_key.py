"""A key that nothing declares.

*Why it is bad.* A misspelt key would leave its default in force, and the run would look right and be wrong.

*Bad*

```yaml
optimization:
  lora:
    rnk: 8
```

*Good*

```yaml
optimization:
  lora:
    rank: 8
```

A section under another name, such as model for architecture, is judged as the one that its keys belong to.

*Fix.* Write the declared name, which `--unsafe-fixes` does where one alone is at most two letters away, or is what a
section must be. `--fix` nests keys that are written in one word, such as training/batch_size at the top. A key that
starts with `x-` is a note and may stand anywhere; `--fix` writes `x-` before the name of a mapping that is there for
its aliases.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.findings import Problem, show
from schema.check.meant import find_flat
from schema.document import Document
from schema.rules._field import FOREIGN
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.nesting import nest

CODE = "LR003"
SLUG = "unknown-key"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found, but for keys that LR406 reports."""
    flat = find_flat(document.found.schema, document.root)
    for problem in unknown(document):
        if problem.instead:
            written = fix(document.edits.rename(problem.path, problem.instead), safe=problem.certain)
        else:
            is_first = flat and (flat[0].key.text,) == problem.path
            written = fix(*nest(document.root, flat), safe=True) if is_first else None
        yield problem.diagnostic(CODE, SLUG, SEVERITY, written)


def unknown(document: Document) -> Iterator[Problem]:
    """Yield the keys that nothing declares, but for keys of the methods of others."""
    return (problem for problem in document.problems_of(SLUG) if show(problem.path) not in FOREIGN)


def unexplained(document: Document) -> bool:
    """Whether a section is unknown, or a key of which nobody knows what it means: a default may stand in for it."""
    return any(not problem.instead or len(problem.path) == 1 for problem in unknown(document))
