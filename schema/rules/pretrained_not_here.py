"""The pretrained model is not here, and the spec leaves out what its config.json would say.

*Why it is bad.* What depends on the architecture can't be checked: parameters, bytes, what adapters sit on. A plan
shows the default shape in its place. A path from the working directory may be misspelt. It is an info where another
machine may have an absolute path, and where a model of the hub was not fetched yet, unless its owner is a folder here;
with `--env` a warning says how many rules could not look.

*Bad*

```yaml
architecture:
  pretrained: ./models/llama
  n_layers: DELETE
```

*Good*

```yaml
architecture:
  pretrained: runs/base
  n_layers: 4
```

*Fix.* Bring the folder here, name another, or write n_layers, n_embd and n_head; `plan --env` and `exec` fetch a model
of the hub. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from schema.document import Document
from schema.document.document import SHAPE
from schema.document.hub import hub_name
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

CODE = "LR513"
SLUG = "pretrained-not-here"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Look whether the model was found, where it decides the shape, or where a run would start from it."""
    model, start = document.pretrained, document.environment.start if document.environment else None
    if model is None or model.is_here or (start and not start.found and not start.on_hub):  # then LR609 says so
        return
    facts = document.environment
    whole = facts is not None and facts.restore is not None  # all that exec would ask was looked up
    if facts and any(refused.key == "architecture/pretrained" for refused in facts.refused):
        return  # LR517 says that it can't be fetched
    unwritten = {("architecture", key) for key in SHAPE} - document.found.nodes.keys()
    if (start and start.on_hub) or unwritten - document.found.undecided:  # which an unknown key may be
        where, on_hub = document.span("architecture/pretrained"), hub_name(model.name)
        if on_hub:
            message = f"{model.name} is no folder here, and not in the cache of the hub"
            remedy = f"fetch it with plan --env, exec, or {on_hub.command}"
            if whole:
                remedy = f"run `lorarun plan --env {_named(document)}`, and validate again"
        else:
            message = f"{model.name} is not here: what its config.json decides can't be checked"
            remedy = f"run this where it is, or write {', '.join(SHAPE)}"
        path = Path(model.name)
        elsewhere = not path.parent.is_dir() if on_hub else path.is_absolute()
        severity = Severity.INFO if elsewhere and not whole else SEVERITY
        yield Diagnostic(CODE, SLUG, severity, where, message, remedy)


def _named(document: Document) -> str:
    """What a command calls the spec."""
    name = document.start.origin.name
    return "SPEC" if name.startswith("<") else name


def counted(found: Diagnostic, skipped: Sequence[str]) -> Diagnostic:
    """Add to this rule's own finding how many rules could not look."""
    if found.slug != SLUG or not skipped:
        return found
    return found._replace(message=f"{found.message}, so {count(len(skipped), 'rule')} could not look at the spec")
