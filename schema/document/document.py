"""A checked spec: located tree, plain values with defaults, and what is wrong with them.

Rules read it by slash path: `training/batch_size`, `training/pre_lora_dataset[0][1]/rate`. They never
see YAML. Where a value could not be read, asking for it raises `Unavailable`, so that one cause gives
one finding. pydantic is not needed here; `given_values()` is what it builds the typed Spec from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path as File
from typing import Any

from schema.budget.budget import Budget
from schema.budget.deciding import ADAPTERS, DECIDING
from schema.check.declared import Declared
from schema.check.findings import Findings, Json, Problem, Unavailable
from schema.check.meant import read_as_meant
from schema.check.overrides import splice
from schema.check.phases import leave_out_phases
from schema.check.renamed import rename
from schema.check.staged import read_stages
from schema.check.tree import check_value, hydrate
from schema.document.architectures import other_architecture
from schema.document.attributes import attributes
from schema.document.catalogue import CATALOGUE
from schema.document.pretrained import Pretrained, Recorded, find_pretrained
from schema.environment import Change, Environment
from schema.families import CONFIG_NAMES
from schema.text.diagnostic import Span
from schema.text.edits import Edits
from schema.text.source import Mapping, Path, SourceError, point, read_mapping

SCHEMA_FILE = File(__file__).parents[1] / "spec.schema.json"
SHAPE = ("n_layers", "n_embd", "n_head")  # without which nothing is known of a model
HUGGING_FACE = "huggingface"  # backend of the tokenizer that a pretrained model has
TOKENIZER: set[Path] = {("tokenizer", "backend"), ("tokenizer", "name")}
NOTHING_RECORDED = Recorded()
PART = re.compile(r"[^/\[\]]+|\[(\d+)\]")


@dataclass(frozen=True)
class Document:
    """A spec as the rules see it; `environment` is None unless facts of a machine are known.

    `root` is the tree as the file has it, before `--set` arguments and renamed keys. `pretrained` is the model that
    the spec names, `differing` are the keys that it says otherwise than that model's config.json. `catalogued` are the
    sources that have keys of the catalogue.
    """

    start: Span
    values: Json
    written: Json
    found: Findings
    environment: Environment | None
    root: Mapping
    pretrained: Pretrained | None = None
    differing: tuple[Change, ...] = ()
    catalogued: frozenset[str] = frozenset()

    @cached_property
    def budget(self) -> Budget:
        """What follows from the spec by arithmetic; asking for a part raises Unavailable where its keys failed."""
        deciding = (ADAPTERS, *(f"training/{key}" for key in DECIDING))
        # What failed may have been written by another name.
        written = frozenset(path for path in deciding if self.given(path) or not self.listed(path))
        return Budget(_Section(self, ""), written, self.environment or Environment(), judged=True)

    @cached_property
    def edits(self) -> Edits:
        """What makes fixes: edits of the file's text."""
        return Edits(self.root)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the schema forbids, in the order of the tree."""
        return tuple(self.found.problems)

    def problems_of(self, slug: str) -> Iterator[Problem]:
        """Yield the problems that one rule reports."""
        return (problem for problem in self.found.problems if problem.slug == slug)

    @property
    def readable(self) -> bool:
        """Whether the text was a mapping at all."""
        return () in self.found.nodes

    def value(self, path: str) -> Any:
        """Return the value at a path, defaults included; raise Unavailable where a part of it failed."""
        keys = parse(path)
        if self._failed(keys):
            raise Unavailable(path)
        value: Any = self.values
        for key in keys:
            value = value[key]
        return value

    def available(self, path: str) -> bool:
        """Whether `value` would return."""
        return not self._failed(parse(path))

    def listed(self, path: str) -> bool:
        """Whether `length` would return: the list itself could be read, whatever stands in it."""
        return not self._within_failed(parse(path))

    def length(self, path: str) -> int:
        """Return how many entries a list has; raise Unavailable where there is no list."""
        if not self.listed(path):
            raise Unavailable(path)
        value: Any = self.values
        for key in parse(path):
            value = value[key]
        return len(value)

    def given(self, path: str) -> bool:
        """Whether the user wrote this key or list item, in the file or by an override."""
        return parse(path) in self.found.nodes

    def has_source(self, name: str) -> bool:
        """Whether a dataset has a source, which the user wrote or the catalogue has."""
        return self.given(f"data/sources/{name}") or name in self.catalogued

    def source_names(self, name: str, key: str) -> bool:
        """Whether the source of a dataset names this key, as the user wrote it or the catalogue has it."""
        if self.given(path := f"data/sources/{name}/{key}"):
            return self.value(path) is not None
        return name in self.catalogued and key in CATALOGUE[name]

    def span(self, path: str) -> Span:
        """Where the value stands, or the nearest key above it that was written."""
        keys = parse(path)
        while keys and keys not in self.found.nodes:
            keys = keys[:-1]
        return self.found.place(keys, self.found.nodes[keys]) if keys else self.start

    def view(self, path: str, ignoring: Collection[str] = ()) -> Any:
        """Return a mapping as an object with attributes, nested ones too, as `schema.families` wants them.

        Of the keys in `ignoring`, which don't matter to who asks, one that failed has its default.
        """
        keys = parse(path)
        matter = [failed for failed in self.found.failed if not set(failed[len(keys) : len(keys) + 1]) & set(ignoring)]
        if any(keys[: len(failed)] == failed[: len(keys)] for failed in matter):
            raise Unavailable(path)
        value: Any = self.values
        for key in keys:
            value = value[key]
        return attributes(value)

    def given_values(self) -> Json:
        """Return the plain values of the written keys only."""
        return self.written

    def _failed(self, keys: Path) -> bool:
        return self._within_failed(keys) or keys in self._above_failed

    def _within_failed(self, keys: Path) -> bool:
        return any(keys[:end] in self.found.failed for end in range(len(keys) + 1))

    @cached_property
    def _above_failed(self) -> set[Path]:
        """The paths that hold a part which failed."""
        return {failed[:end] for failed in self.found.failed for end in range(len(failed))}


def read_document(
    data: bytes, name: str, overrides: Sequence[str] = (), recorded: Recorded = NOTHING_RECORDED
) -> Document:
    """Read, splice and check a spec; a text that is no mapping gives a document whose every value failed.

    No facts of a machine are known to it yet, but the config.json that it names, and what a run `recorded` of it.
    """
    found = Findings(load_schema())
    try:
        root = read_mapping(data, name)
        _refuse_other_program(found, root)
        tree = read_stages(found, rename(found, read_as_meant(found, splice(found, root, overrides))))
    except SourceError as error:
        from schema.check.repairs import explained  # most specs need none, and start sooner without

        found.problems.append(explained(error, data, name, found.schema.names))
        found.failed.add(())
        return Document(error.span, {}, {}, found, None, Mapping(error.span, ()))
    written = check_value(found, tree, found.schema, ())
    found.decide()
    _pin(written, recorded)
    pretrained = find_pretrained(written.get("architecture"), recorded)
    if found.failed & {("architecture",), ("architecture", "pretrained")} and "tokenizer" not in written:
        found.failed |= TOKENIZER  # it may be that of a model whose key is misspelt
    if pretrained:
        written["architecture"] = {**pretrained.keys, **written["architecture"]}
        _adopt_tokenizer(found, written, pretrained)
    if "training" in written:
        written["training"] = leave_out_phases(written["training"])
    values, start = hydrate(written, found.schema), point(root.span.origin, 1, 1)
    differing = _differing(found, values, pretrained) if pretrained else ()
    return Document(start, values, written, found, None, root, pretrained, differing)


def _refuse_other_program(found: Findings, root: Mapping) -> None:
    """Raise SourceError where a file is no spec but one of another program, which has a key at its top that is none."""
    if any(key.text not in found.schema["properties"] for key, _ in root.entries):
        from schema.check.other_program import refuse_other_program

        refuse_other_program(root, found.schema)


def _pin(written: Json, recorded: Recorded) -> None:
    """Write the commit behind names of the hub, where it is known which was meant."""
    for section, key in (("architecture", "pretrained"), ("tokenizer", "name")):
        name = written.get(section, {}).get(key)
        if name in recorded.pins:
            written[section] = {**written[section], key: recorded.pins[name]}


def _adopt_tokenizer(found: Findings, written: Json, pretrained: Pretrained) -> None:
    """Take the tokenizer of the model where the spec names none, and none of another kind.

    Of a model that is not here, none is known.
    """
    section = written.get("tokenizer", {})
    is_sure = not any(path[:1] == ("tokenizer",) for path in found.failed)
    if not is_sure or "name" in section or section.get("backend", HUGGING_FACE) != HUGGING_FACE:
        return
    if pretrained.keys:
        written["tokenizer"] = {**section, "backend": HUGGING_FACE, "name": pretrained.name}
    elif "backend" not in section:
        found.failed |= TOKENIZER


def _differing(found: Findings, values: Json, pretrained: Pretrained) -> tuple[Change, ...]:
    """Find the written keys that config.json says otherwise; neither those nor the unknown ones have a value.

    Where the model is not here and its shape is not written, nothing is known of what config.json would decide.
    """
    section, failed = ("architecture",), [path for path in found.failed if path[:1] == ("architecture",)]
    if not pretrained.keys:
        if any((*section, name) not in found.nodes for name in SHAPE):
            found.failed |= {(*section, name) for name in CONFIG_NAMES if (*section, name) not in found.nodes}
        return ()
    if failed:
        return ()
    changes = other_architecture(pretrained.keys, values["architecture"])
    found.failed |= {parse(change.key) for change in changes}
    return changes


@cache
def load_schema() -> Declared:
    """Read the generated JSON Schema that stands beside this package; all readers share it."""
    return Declared(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


@lru_cache(4096)
def parse(path: str) -> Path:
    """Split a slash path into keys and list indexes."""
    return tuple(int(part[1]) if part[1] else part[0] for part in PART.finditer(path))


class _Section:
    """A section with its keys as attributes, as a typed Spec has them; reading one that failed raises Unavailable.

    What was read once is kept: the arithmetic asks for the same few keys again and again.
    """

    def __init__(self, document: Document, path: str) -> None:
        self._document = document
        self._path = path

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}/{name}" if self._path else name
        if not self._document.listed(path):
            raise Unavailable(path)
        values: Any = self._document.values
        for key in parse(path):
            values = values[key]
        inner = _Section(self._document, path) if isinstance(values, dict) else attributes(self._document.value(path))
        setattr(self, name, inner)
        return inner
