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
from schema.families import ALL_LINEAR, matches
from schema.rules._adapters import TARGETS, matrices, named
from schema.rules._targets import meant_targets
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import join, nearest, quote

CODE = "LR301"
SLUG = "target-matches-nothing"
SEVERITY = Severity.ERROR

HEADS, GATE = ("lm_head", "lm_head/kernel"), "gate_proj"


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare each target with the paths of the parameters, which follow from the architecture keys."""
    targets = document.value(TARGETS)
    family = document.value("architecture/family")
    every = named(document)
    paths = [parameter.path for parameter in every]
    for index, target in enumerate(targets):
        if any(matches(path, [target]) for path in paths):
            continue
        segments = list(dict.fromkeys(segment for each in matrices(every, "") for segment in each.path.split("/")))
        meant = meant_targets(target, every)
        near = [] if meant else nearest(target, [*segments, ALL_LINEAR]) or nearest(target, paths)
        remedy = f"write a part of a path: {join([*segments, ALL_LINEAR], 'or')}"
        if meant or near:
            remedy = f"write {', '.join(meant) or join(near, 'or')}"
        lacks = "" if meant else _lacks(document, target)
        if lacks:
            near, remedy = [], f"remove it: {lacks}"
        where, instead = f"{TARGETS}[{index}]", meant or (near if len(near) == 1 else [])
        edit = document.edits.replace(parse(where), ", ".join(instead)) if _fits(document, instead) else None
        message = f"{quote(target)} matches no parameter of {family}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(where), message, remedy, fix=fix(edit, safe=False))


def _lacks(document: Document, target: str) -> str:
    """Why this model has not a part that others have; empty where that is not the cause."""
    if target in HEADS and document.value("architecture/tie_embeddings"):
        return "the output head is the embedding, wte, for architecture/tie_embeddings is true"
    return f"family {document.value('architecture/family')} has no gate" if target == GATE else ""


def _fits(document: Document, targets: list[str]) -> bool:
    """Whether these can stand in place of one: in brackets several can, in a list of lines one alone."""
    listed = document.found.nodes.get(parse(TARGETS))
    line = listed.span.origin.lines[listed.span.line - 1] if listed else ""
    in_brackets = listed is not None and line[listed.span.column - 1 :].startswith("[")
    return len(targets) == 1 or (len(targets) > 1 and in_brackets)
