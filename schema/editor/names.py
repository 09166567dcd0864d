"""Names that values take from other parts of the spec, or from this machine: datasets, evaluations, targets.

Taken from the tree of the text, not from checked values: a spec that is being written has mistakes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from schema.budget.dataset_names import Key, labels
from schema.check.findings import Unavailable
from schema.document import Document, load_schema, read_document
from schema.document.catalogue import CATALOGUE
from schema.families import ALL_LINEAR, Parameter, adapted, matches, parameters
from schema.text.source import Mapping, Node, Path, Sequence
from schema.tokenizers import ENCODINGS

MIXTURES = ("dataset", "pre_lora_dataset", "post_lora_dataset")
TARGETS = ("optimization", "lora", "target_modules")
EVALUATIONS = ("eval", "evaluations")


class Known(NamedTuple):
    """What a machine has names for: datasets that are built in or stored, chat templates that are built in."""

    datasets: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()


class Name(NamedTuple):
    """A name, and what it stands for, in one line."""

    text: str
    meaning: str


def names_of_value(path: Path, key: str, document: Document | None, known: Known) -> list[Name]:
    """Return what the value of a key may be called; `path` leads to the mapping of the key, with 0 for every list."""
    sections = tuple(part for part in path if isinstance(part, str))
    spec = _written(document.root) if document else {}
    if key == "name" and len(sections) == 2 and sections[0] == "training" and sections[1] in MIXTURES:
        own = list(_mapping(spec, "data", "sources"))
        others = [name for name in known.datasets if name not in own]
        places = dict.fromkeys(CATALOGUE, "of the catalogue, from the hub")
        here = [Name(name, places.get(name, "on this machine")) for name in others]
        return [Name(name, "of data/sources") for name in own] + here
    if (*sections, key) == ("tokenizer", "name") and _mapping(spec, "tokenizer").get("backend") == "tiktoken":
        return [Name(name, "an encoding of tiktoken") for name in ENCODINGS]
    if (*sections, key) == ("chat", "template"):
        return [Name(name, "built in") for name in known.templates]
    return []


def names_of_item(path: Path, others: Collection[str], document: Document | None) -> list[Name]:
    """Return what an item of a list may be called, and no other item is; `path` leads to the list."""
    spec = _written(document.root) if document else {}
    if path not in (EVALUATIONS, TARGETS):
        return []
    names = _evaluations(spec) if path == EVALUATIONS else _targets(document, spec)
    return [name for name in names if name.text not in others]


def names_of_keys(path: Path, document: Document | None, known: Known) -> list[Name]:
    """Return the keys that a mapping of free names lacks; `path` leads to it."""
    if path != ("data", "sources") or document is None:
        return []
    used = dict.fromkeys(str(entry["name"]) for entry in _entries(_written(document.root)))
    return [Name(name, "that a mixture names") for name in used if name not in known.datasets]


def _evaluations(spec: dict[str, Any]) -> Iterator[Name]:
    keys = [
        Key(
            str(entry["name"]),
            str(entry.get("suffix") or ""),
            str(entry.get("style") or "PADDED").upper(),
            entry.get("document_mask") is True,
        )
        for entry in _entries(spec)
    ]
    for (_, _, style, _), label in labels(keys).items():
        yield Name(f"{label}_ppl", f"perplexity on the validation split of {label}, {style}")


def _targets(document: Document | None, spec: dict[str, Any]) -> Iterator[Name]:
    """Parts of the paths of matrices, the larger ones first, each with what it puts adapters on."""
    every = _parameters(document, spec)
    paths = [parameter.path for parameter in adapted(every, [""])]
    parts = [path.removeprefix("blocks/").split("/")[:-1] for path in paths]
    deepest = max(map(len, parts), default=0)
    names = dict.fromkeys(part[depth] for depth in range(deepest) for part in parts if depth < len(part))
    for name in (ALL_LINEAR, *names):
        yield Name(name, f"adapters on {', '.join(path for path in paths if matches(path, [name]))}")


def _parameters(document: Document | None, spec: dict[str, Any]) -> tuple[Parameter, ...]:
    """The parameters of the model, of its family's defaults where the architecture has mistakes."""
    family = _mapping(spec, "architecture").get("family")
    plain = f"architecture: {{family: {family}}}" if family in _families() else "{}"
    for each in filter(None, (document, read_document(plain.encode(), "spec.yaml"))):
        try:
            return parameters(each.view("architecture"))
        except (Unavailable, ArithmeticError, ValueError):  # heads that divide nothing
            continue
    return ()


def _families() -> tuple[str, ...]:
    declared = load_schema()["properties"]["architecture"]["properties"]["family"]
    return tuple(declared["enum"])


def _entries(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries of all mixtures that have a name, in the order of the phases."""
    waiting = [_mapping(spec, "training").get(key) for key in reversed(MIXTURES)]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += reversed(found)
        elif isinstance(found, dict) and found.get("name"):
            yield found


def _mapping(spec: dict[str, Any], *path: str) -> dict[str, Any]:
    """The mapping at a path; an empty one where something else stands."""
    found: Any = spec
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _written(node: Node) -> Any:
    """The values of a tree, scalars as their text; the tree is at most as deep as the reader allows."""
    if isinstance(node, Mapping):
        return {key.text: _written(value) for key, value in reversed(node.entries)}
    return [_written(item) for item in node.items] if isinstance(node, Sequence) else node.text
