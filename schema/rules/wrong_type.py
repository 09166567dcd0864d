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

from schema.check.findings import Problem, Unavailable, show
from schema.check.staged import NO_PHASE, SECTION, STAGED, find_stages
from schema.document import Document
from schema.families import ALL_LINEAR
from schema.rules._adapters import TARGETS, matrices, named
from schema.rules._targets import meant_targets
from schema.text.diagnostic import Diagnostic, Edit, Severity, fix
from schema.text.scalars import written
from schema.text.source import Scalar

CODE = "LR004"
SLUG = "wrong-type"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found."""
    for problem in document.problems_of(SLUG):
        if show(problem.path) == TARGETS and (meant := _meant_targets(document, problem)):
            problem = problem._replace(remedy=f"write {meant}", instead=meant)
        edits: list[Edit | None] = [*problem.edits]
        if problem.instead in STAGED.values():
            edits = _to_phase_full(document, problem.certain)
        elif problem.instead:
            edits = [document.edits.write(problem.path, problem.instead)]
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*edits, safe=problem.certain))


def _to_phase_full(document: Document, alone: bool) -> list[Edit | None]:
    """Write lists of stages under the keys of phase full, `alone` where there is no phase lora."""
    edits: list[Edit | None] = []
    for each in find_stages(document.root):
        path = (SECTION, each.key.text)
        edits += [document.edits.rename(path, each.name)] + ([] if each.is_list else [document.edits.wrap(path)])
    return edits + ([document.edits.insert((SECTION, NO_PHASE), "[]")] if alone else [])


def _meant_targets(document: Document, problem: Problem) -> str:
    """The list that a single text means in place of targets: a pattern as PEFT has it, names with commas."""
    node = document.found.nodes.get(problem.path)
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or node.value[:1] in ("(", "\u201c"):
        return ""  # of (attn, mlp) a list in braces has the first word alone
    try:
        every = named(document)
    except Unavailable:
        return ""
    meant = [] if matrices(every, node.value) else meant_targets(node.value, every)
    return ALL_LINEAR if meant == [ALL_LINEAR] else written(meant) if meant else ""
