"""A value of another type than the key declares.

*Why it is bad.* Guessing what a list or a text means as a number is how budgets go wrong by orders of magnitude.

*Bad*

```yaml
training:
  pre_lora_tokens: 1024000
```

*Good*

```yaml
training:
  pre_lora_tokens: [1024000]
```

Lists of budgets and mixtures are keys of phase full: training/pre_lora_tokens and training/pre_lora_dataset.

*Fix.* Write a value of the type that is declared. `--unsafe-fixes` makes a list of a single value where a list is
wanted; `--fix` writes true or false for yes, no, on and off, and the number that 100%, 1,000,000, 8 rows or 2^20 is.
Lists under training/tokens and training/dataset go under the keys of phase full, by `--fix` where no adapters are
configured.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.staged import NO_PHASE, SECTION, STAGED, find_stages
from schema.document import Document
from schema.text.diagnostic import Diagnostic, Edit, Severity, fix

CODE = "LR004"
SLUG = "wrong-type"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        edits: list[Edit | None] = [*problem.edits]
        if problem.instead in STAGED.values():
            edits = _to_phase_full(document, problem.certain)
        elif problem.instead:
            edits = [document.edits.write(problem.path, problem.instead)]
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*edits, safe=problem.certain))


def _to_phase_full(document: Document, alone: bool) -> list[Edit | None]:
    """Write lists of stages under the keys of phase full, `alone` where there is no phase lora."""
    written: list[Edit | None] = []
    for each in find_stages(document.root):
        path = (SECTION, each.key.text)
        written += [document.edits.rename(path, each.name)] + ([] if each.is_list else [document.edits.wrap(path)])
    return written + ([document.edits.insert((SECTION, NO_PHASE), "[]")] if alone else [])
