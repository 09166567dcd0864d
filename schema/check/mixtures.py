"""Mixtures that are written with too few brackets or too few keys: one finding, which shows the whole that was meant.

`training/dataset` is a list of entries, each list of a phase a list of such mixtures, one a stage. `books`, `[books]`,
`{books: 0.7, web: 0.3}` and a list of entries where a list of mixtures is wanted say enough to be written out.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from schema.check.findings import Findings, describe, show
from schema.text.scalars import number, spelled, written
from schema.text.source import Mapping, Node, Path, Scalar, Sequence

# Where mixtures stand, and the style of an entry that does not say its own: a guess, which no safe fix writes.
STYLES: dict[Path, str] = {
    ("training", "dataset"): "PMD",
    ("training", "pre_lora_dataset"): "PMD",
    ("training", "post_lora_dataset"): "PADDED",
}
OF_DATASETS = {"pydoc": "PADDED", "pystdlib": "PMD", "fineweb": "PMD"}
SINGLE = ("training", "dataset")
FIELDS = ("name", "rate", "style", "suffix", "document_mask")
FILE = re.compile(r"[/\\*]|\.(?:txt|jsonl?|parquet|csv|gz|zst|arrow)$")  # what is no name of a dataset
MOST_ENTRIES = 8  # of a mixture that is written out


class Entry(NamedTuple):
    """One entry as it would be written, and whether all of it was."""

    name: str
    rate: Decimal | None
    rest: tuple[tuple[str, str], ...]
    whole: bool


def misshapen(found: Findings, node: Node, path: Path) -> bool:
    """Report mixtures of another shape than their key wants; False where they have that, or tell too little."""
    if path not in STYLES:
        return False
    mixtures = _mixtures(node, single=path == SINGLE)
    if mixtures is None or not all(0 < len(mixture) <= MOST_ENTRIES for mixture in mixtures):
        return False
    shared = [_with_rates(mixture) for mixture in mixtures]
    texts = [f"[{', '.join(_written(entry, STYLES[path]) for entry in mixture)}]" for mixture in shared]
    text = texts[0] if path == SINGLE else f"[{', '.join(texts)}]"
    whole = all(entry.whole for mixture in mixtures for entry in mixture)
    wanted = "a list of entries" if path == SINGLE else "a list of mixtures, one a stage,"
    message = f"{show(path)} is {_described(node)}, and {wanted} is wanted"
    remedy = f"write {text}" + ("" if whole else "; PMD is for running text, PADDED for prompts with their answers")
    files = [entry.name for mixture in mixtures for entry in mixture if FILE.search(entry.name)]
    if files:
        remedy = f"name the files, data/sources/books/path: {files[0]}, and write {text.replace(files[0], 'books')}"
    instead = "" if files else text
    found.report("wrong-type", path, node, message, remedy, instead, certain=whole and _adds_up(mixtures))
    return True


def _described(node: Node) -> str:
    """Say what stands there: a name, an entry, a list of entries."""
    if isinstance(node, Mapping):
        return "an entry" if _entry(node) else "a mapping"
    if not isinstance(node, Sequence):
        return describe(node)
    if not _is_nested(node):
        return "a list of names" if all(isinstance(item, Scalar) for item in node.items) else "a list of entries"
    inner = [each for item in node.items if isinstance(item, Sequence) for each in item.items]
    return "nested too deeply" if any(isinstance(each, Sequence) for each in inner) else "a list of names in lists"


def _is_nested(node: Sequence) -> bool:
    return any(isinstance(item, Sequence) for item in node.items)


def _mixtures(node: Node, single: bool) -> list[list[Entry]] | None:
    """Read what was meant; None where the shape is as wanted, or tells too little."""
    if isinstance(node, Sequence) and not _is_nested(node):
        if single and all(isinstance(item, Mapping) and not _is_share(item) for item in node.items):
            return None  # entries, each of which is checked by itself
        entries = [_entry(item) for item in node.items]
        read = [entry for entry in entries if entry]
        if not read or len(read) < len(entries):
            return None
        whole = [entry.rate == 1 for entry in read]
        return [[entry] for entry in read] if len(read) > 1 and all(whole) and not single else [read]
    if isinstance(node, Sequence):
        items = [_flat(item.items) if isinstance(item, Sequence) else (item,) for item in node.items]
        if all(map(_is_mixture, node.items)):
            return None
        nested = [[_entry(entry) for entry in item] for item in items]
        if single or any(entry is None for mixture in nested for entry in mixture):
            return None
        return [[entry for entry in mixture if entry] for mixture in nested]
    if isinstance(node, Mapping) and (entry := _entry(node)):
        return [[entry]]
    if isinstance(node, Mapping):
        shares = _shares(node)
        return [shares] if shares else None
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        return [[_named(name.strip()) for name in node.value.split(",") if name.strip()]]
    return None


def _shares(node: Mapping) -> list[Entry]:
    """Read {books: 0.7, web: 0.3}; nothing where a value is no number, or a key is one of an entry."""
    found = []
    for key, value in node.entries:
        share = number(value.text) if isinstance(value, Scalar) else None
        if key.text in FIELDS or share is None:
            return []
        found.append(Entry(key.text, Decimal(str(share)), (), whole=False))
    return found


def _flat(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """The entries of a mixture that has brackets too many."""
    only = items[0] if len(items) == 1 else None
    return only.items if isinstance(only, Sequence) else items


def _is_mixture(node: Node) -> bool:
    """Whether a node is a list of mappings, each of which is checked by itself."""
    entries = node.items if isinstance(node, Sequence) else ()
    return isinstance(node, Sequence) and all(isinstance(each, Mapping) and not _is_share(each) for each in entries)


def _is_share(node: Mapping) -> bool:
    return len(node.entries) == 1 and bool(_shares(node))


def _entry(node: Node) -> Entry | None:
    """Read an entry, or the name of one; None for anything else."""
    if isinstance(node, Scalar):
        return _named(node.value) if isinstance(node.value, str) and node.value else None
    if not isinstance(node, Mapping):
        return None
    values = {key.text: value for key, value in node.entries}
    if len(values) == 1 and (shares := _shares(node)):
        return shares[0]
    name, rate = values.get("name"), values.get("rate")
    plain = all(isinstance(value, Scalar) for value in values.values())
    if not isinstance(name, Scalar) or not isinstance(name.value, str) or not plain or not set(values) <= set(FIELDS):
        return None
    share = number(rate.text) if isinstance(rate, Scalar) else None
    if rate is not None and share is None:
        return None
    own = ((key, values.get(key)) for key in FIELDS[2:])
    rest = [(key, value.text) for key, value in own if isinstance(value, Scalar)]
    return Entry(name.value, None if share is None else Decimal(str(share)), tuple(rest), whole=share is not None)


def _named(name: str) -> Entry:
    return Entry(name, None, (), whole=False)


def _with_rates(mixture: list[Entry]) -> list[Entry]:
    """Give entries without a rate equal parts of what the others leave."""
    without = [entry for entry in mixture if entry.rate is None]
    if not without:
        return mixture
    left = 1 - sum((entry.rate for entry in mixture if entry.rate is not None), Decimal(0))
    share = (left / len(without)).quantize(Decimal("0.0001")) if left > 0 else Decimal(1)
    last = left - share * (len(without) - 1) if left > 0 else share
    shares = {id(entry): share for entry in without} | {id(without[-1]): last}
    return [entry._replace(rate=shares[id(entry)]) if entry.rate is None else entry for entry in mixture]


def _adds_up(mixtures: list[list[Entry]]) -> bool:
    return all(sum((entry.rate or Decimal(0) for entry in mixture), Decimal(0)) == 1 for mixture in mixtures)


def _written(entry: Entry, style: str) -> str:
    parts = {"name": written(entry.name), "rate": spelled(float(entry.rate or 0)), **dict(entry.rest)}
    if not entry.whole:
        parts.setdefault("style", OF_DATASETS.get(entry.name, style))
    order = [key for key in FIELDS if key in parts]
    return "{" + ", ".join(f"{key}: {parts[key]}" for key in order) + "}"
