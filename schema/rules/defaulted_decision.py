"""A decision that makes the run what it is was left to its default.

*Why it is bad.* Budgets, mixtures and the tokenizer decide what is computed; whoever reads the spec can't see them, and
another version may have other defaults.

*Bad*

```yaml
tokenizer: DELETE
```

*Good*

```yaml
tokenizer:
  backend: tiktoken
  name: gpt2
```

*Fix.* Write the default out, which `--unsafe-fixes` does, or write what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.budget.stages import DATASET_KEY, TOKENS_KEY
from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.scalars import written

CODE = "LR010"
SLUG = "defaulted-decision"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for the keys that decide and were not written."""
    for path, what in _decisions(document):
        if not document.given(path) and document.available(path):
            default = written(_short(document.value(path)))
            edit = document.edits.insert(parse(path), default)
            message, remedy = f"{path} is not written: {what} {default} applies", f"write {path}: {default}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=fix(edit, safe=False))


def _decisions(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the paths that decide this run, each with what it decides."""
    named = any(map(document.given, ("tokenizer/backend", "tokenizer/name")))  # a name alone: LR009 says so
    if not named and document.pretrained is None:  # else it is the model's
        yield "tokenizer/backend", "the tokenizer"
    if document.budget.one_budget:
        yield "training/tokens", "the budget"
        yield "training/dataset", "the mixture"
        return
    for phase in TOKENS_KEY:
        if phase == "lora" and document.budget.adapters_without_phase:
            continue  # LR107 says so
        pair = [f"training/{family[phase]}" for family in (TOKENS_KEY, DATASET_KEY)]
        if all(map(document.listed, pair)) and len(set(map(document.length, pair))) > 1:
            continue  # LR101 says so
        if any(document.given(key) and document.listed(key) and not document.length(key) for key in pair):
            continue  # the phase is left out
        for key, what in ((TOKENS_KEY[phase], "the budget"), (DATASET_KEY[phase], "the mixture")):
            if key not in document.budget.displaced.values():  # else LR111 says so
                yield f"training/{key}", what


def _short(value: Any) -> Any:
    """A default without its empty texts."""
    if isinstance(value, list):
        return [_short(item) for item in value]
    return {key: inner for key, inner in value.items() if inner != ""} if isinstance(value, dict) else value
