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

*Fix.* Write the default out, which `--unsafe-fixes` does, or write what was meant: of a mixture, it writes the spec's
own source where that is the only one. Where one phase alone is written,
`--unsafe-fixes` leaves the other out with an empty budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.budget.stages import DATASET_KEY, TOKENS_KEY, Phase
from schema.document import Document, parse
from schema.rules._mixtures import TRAINING, Instead, instead, is_here, is_sure
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.scalars import written

CODE = "LR010"
SLUG = "defaulted-decision"
SEVERITY = Severity.WARNING

DEFAULT = "fineweb"  # the dataset of the mixtures that nobody wrote


def check(document: Document) -> Iterator[Diagnostic]:
    """Look for the keys that decide and were not written."""
    lone, sure = _lone_phase(document), is_sure(document)
    if lone and sure:
        yield _without_phase(document, lone)
    for path, what in _decisions(document, lone):
        if path.startswith(TRAINING) and not sure:
            continue
        if not document.given(path) and document.available(path):
            default = written(_short(document.value(path)))
            found = Instead(default, ())
            if path.endswith("dataset"):
                here = is_here(document, DEFAULT)
                if here is False:
                    continue  # LR208 says it
                own = document.given("data/sources")  # which are meant sooner than what everybody has
                found = (None if here and not own else instead(document, path)) or found
            edit = None if found.others else document.edits.insert(parse(path), found.text)
            message, remedy = f"{path} is not written: {what} {default} applies", f"write {path}: {found.remedy}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=fix(edit, safe=False))


def _lone_phase(document: Document) -> Phase | None:
    """The phase of which nothing is written, where the other one is; None where LR107 says so."""
    if document.budget.one_budget or document.budget.displaced or document.budget.adapters_without_phase:
        return None
    written = [phase for phase in TOKENS_KEY if any(map(document.given, _keys(phase)))]
    return next((phase for phase in TOKENS_KEY if phase not in written), None) if written else None


def _keys(phase: Phase) -> tuple[str, str]:
    return f"training/{TOKENS_KEY[phase]}", f"training/{DATASET_KEY[phase]}"


def _without_phase(document: Document, phase: Phase) -> Diagnostic:
    """Say that a whole phase comes from defaults, and how it is left out or written."""
    tokens, mixture = _keys(phase)
    default = f"{written(document.value(tokens)[0])} tokens of {document.value(mixture)[0][0]['name']}"
    message = f"phase {phase} is not written: its default applies, {default}"
    remedy = f"write {tokens}: [] to leave it out, or {tokens} and {mixture} with what it trains on"
    starts = phase == "lora" or document.pretrained is not None
    if not starts:
        remedy = f"write {tokens} and {mixture}, or {tokens}: [] beside architecture/pretrained or --restore"
    edit = document.edits.insert(parse(tokens), "[]") if starts else None
    return Diagnostic(CODE, SLUG, SEVERITY, document.span("training"), message, remedy, fix=fix(edit, safe=False))


def _decisions(document: Document, lone: Phase | None) -> Iterator[tuple[str, str]]:
    """Yield the paths that decide this run, each with what it decides; those of a phase that is not written apart."""
    named = any(map(document.given, ("tokenizer/backend", "tokenizer/name")))  # a name alone: LR009 says so
    if not named and document.pretrained is None:  # else it is the model's
        yield "tokenizer/backend", "the tokenizer"
    if document.budget.one_budget:
        yield "training/tokens", "the budget"
        yield "training/dataset", "the mixture"
        return
    for phase in TOKENS_KEY:
        if phase == lone or (phase == "lora" and document.budget.adapters_without_phase):
            continue  # LR107 says so
        pair = _keys(phase)
        if all(map(document.listed, pair)) and len(set(map(document.length, pair))) > 1:
            continue  # LR101 says so
        if any(document.given(key) and document.listed(key) and not document.length(key) for key in pair):
            continue  # the phase is left out
        for key, what in ((TOKENS_KEY[phase], "the budget"), (DATASET_KEY[phase], "the mixture")):
            if key not in document.budget.displaced.values():  # else LR111 says so
                yield f"training/{key}", what


def _short(value: Any) -> Any:
    """A default without its empty texts, and without what is off."""
    if isinstance(value, list):
        return [_short(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if inner != "" and inner is not False}
