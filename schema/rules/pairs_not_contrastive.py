"""Pairs of answers are read in another style than CONTRASTIVE, or something else than pairs is read in it.

*Why it is bad.* A CONTRASTIVE row is a prompt with a chosen and a rejected answer; a row of every other style is one
text. Neither can be made of the records of the other, and a store of one is of no use to the other.

*Bad*

```yaml
data:
  sources:
    chat: {path: pairs.jsonl, prompt: question, chosen: better, rejected: worse}
training:
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Good*

```yaml
data:
  sources:
    chat: {path: pairs.jsonl, prompt: question, completion: better}
training:
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Fix.* Write the style that the records are for, or name the one answer that is to be learned; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schema.document import Document
from schema.document.mixtures import Entry, entries
from schema.document.records import BUILTIN
from schema.rules.record_kinds import SIDES
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join

CODE = "LR241"
SLUG = "pairs-not-contrastive"
SEVERITY = Severity.ERROR

OTHERS = ("messages", "instruction", "text", "completion")  # keys of a source that holds no pairs


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the style of each dataset with what is known of its records, once for each."""
    seen = set()
    for entry in entries(document):
        if entry.key in seen or not document.given(entry.path):
            continue
        seen.add(entry.key)
        if found := unfit(document, entry):
            message, remedy = found
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(f"{entry.path}/style"), message, remedy)


def unfit(document: Document, entry: Entry) -> tuple[str, str] | None:
    """What is wrong with the style of an entry, and what to write; None where nothing is."""
    style, source = str(entry.values["style"]), f"data/sources/{entry.name}"
    if document.given(source):
        named = [key for key in (*SIDES, *OTHERS) if document.given(f"{source}/{key}")]
        sides, others = ([key for key in named if (key in SIDES) is wanted] for wanted in (True, False))
        if not entry.is_contrastive and sides and not others:  # LR217 speaks of both
            return not_contrastive(entry.name, style, sides)
        return not_pairs(entry.name, others[0]) if entry.is_contrastive and others and not sides else None
    store = entry.dataset.store if entry.dataset else None
    if entry.is_contrastive and (entry.name in BUILTIN or (store is not None and not store.pairs)):
        return no_pairs(entry.name)
    return only_pairs(entry.name, style) if not entry.is_contrastive and store is not None and store.pairs else None


def not_contrastive(name: str, style: str, sides: Sequence[str]) -> tuple[str, str]:
    """Say that a source names two answers and is read in another style, and what to write."""
    return (
        f"data/sources/{name} names {join(sides, 'and')}, and style {style} reads no pairs of answers",
        "write style: CONTRASTIVE, or name the better answer as completion (as messages, where it is a conversation) "
        f"in place of {join(SIDES, 'and')}",
    )


def not_pairs(name: str, key: str) -> tuple[str, str]:
    """Say that a source names fields of something else than pairs, and what to write."""
    return (
        f"data/sources/{name} names {key}, and style CONTRASTIVE reads pairs of answers",
        f"name chosen and rejected in place of {key}, or write style: PADDED, or PACKED",
    )


def no_pairs(name: str) -> tuple[str, str]:
    """Say that a dataset holds no pairs, and what to write."""
    return (
        f"'{name}' holds no pairs of a chosen and a rejected answer, which style CONTRASTIVE reads",
        "write style: PADDED, PACKED or PMD, or name a source of pairs under data/sources",
    )


def only_pairs(name: str, style: str) -> tuple[str, str]:
    """Say that a store holds pairs, and what to write."""
    return (
        f"the store of '{name}' holds pairs of a chosen and a rejected answer, and style {style} reads no pairs",
        f"write style: CONTRASTIVE, or name its texts under data/sources/{name}",
    )
