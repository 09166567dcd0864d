"""A key has no effect, because of another one.

*Why it is bad.* Whoever changes it waits for a difference that never comes.

*Bad*

```yaml
architecture:
  rope: false
  rope_theta: 50000.0
```

*Good*

```yaml
architecture:
  rope: true
  rope_theta: 50000.0
```

*Fix.* Remove it, which `--fix` does, or change the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.diagnostic import Diagnostic, Related, Severity, fix
from schema.document import Document, parse
from schema.rules._datasets import entries
from schema.rules._stages import PER_PHASE, one_budget, phases
from schema.rules.two_budget_families import check as disagreeing

CODE = "LR009"
SLUG = "inert-key"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Go through the keys that another key can switch off, where the user wrote them."""
    for path, cause, why in _inert(document):
        if document.given(path):
            related = (Related(document.span(cause), "because of this"),) if cause and document.given(cause) else ()
            written = fix(document.edits.remove(parse(path)), safe=True)
            where = document.span(path)
            yield Diagnostic(CODE, SLUG, SEVERITY, where, f"{path} has no effect: {why}", "remove it", related, written)


def _inert(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield (path, the key that makes it inert, a reason)."""
    if not document.value("architecture/rope"):
        yield "architecture/rope_theta", "architecture/rope", "architecture/rope is false"
    if document.value("tokenizer/backend") == "byte" and document.value("tokenizer/name") is not None:
        yield "tokenizer/name", "tokenizer/backend", "the byte tokenizer has no names"
    named = list(entries(document))
    for name in document.value("data/sources"):
        if all(entry.name != name for entry in named):
            yield f"data/sources/{name}", "", "no mixture names this dataset"
    if named and all(entry.values["style"] != "PADDED" for entry in named):
        yield "data/on_too_long", "", "it is for PADDED datasets, and there are none"
    per_phase = [f"training/{key}" for key in PER_PHASE if document.given(f"training/{key}")]
    if per_phase and not one_budget(document) and not any(disagreeing(document)):
        for key in ("training/tokens", "training/dataset"):
            yield key, per_phase[0], "the budgets and mixtures of the phases decide, and say the same"
    if document.value("training/post_lora_tokens") == [] and "lora" not in phases(document):
        yield "optimization/lora", "training/post_lora_tokens", "there is no phase lora"
