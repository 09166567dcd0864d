"""Every slip in a real spec is refused, and the JSON Schema that editors read refuses what `validate` refuses.

Each key of each spec in `specs/` and `tests/spec/ok` is misspelt, moved one level up and down, written twice, and
given a value of another type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import jsonschema
import pytest

from schema.check.findings import Findings, Problem
from schema.check.tree import check_value
from schema.document import SCHEMA_FILE, load_schema
from schema.text.source import Mapping, Node, Path, Scalar, Sequence, read_mapping
from tests.schema.goldens import SPECS, silent_specs

SCHEMA = load_schema()
EDITORS = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
DECLARED_PATHS = set(SCHEMA.paths.values())
DECLARED = {path[-1] for path in DECLARED_PATHS}
SOURCES = [*sorted((SPECS.parents[1] / "specs").glob("*.yaml")), *silent_specs()]
Change = tuple[tuple[Scalar, Node], ...]


def problems(tree: Node) -> list[Problem]:
    """What the schema forbids in a tree, notes on style aside."""
    found = Findings(SCHEMA)
    check_value(found, tree, SCHEMA, ())
    return [problem for problem in found.problems if problem.slug != "style-case"]


def plain(node: Node) -> Any:
    """The value that an editor sees."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key.text: plain(value) for key, value in node.entries}


def entries(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar, Node]]:
    """Every entry of every mapping, outside notes."""
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from entries(item, (*path, index))
    elif isinstance(node, Mapping):
        for key, value in node.entries:
            if not key.text.startswith("x-"):
                yield (*path, key.text), key, value
                yield from entries(value, (*path, key.text))


def replaced(node: Node, path: Path, change: Change) -> Node:
    """The same tree with other entries in place of the one at a path."""
    if isinstance(node, Sequence):
        parts = (replaced(item, path[1:], change) if at == path[0] else item for at, item in enumerate(node.items))
        return Sequence(node.span, tuple(parts))
    assert isinstance(node, Mapping)
    found: list[tuple[Scalar, Node]] = []
    for key, value in node.entries:
        if key.text != path[0]:
            found.append((key, value))
        elif len(path) == 1:
            found += change
        else:
            found.append((key, replaced(value, path[1:], change)))
    return Mapping(node.span, tuple(found))


def slips(word: str) -> set[str]:
    """What dropping, doubling or swapping letters makes of a word."""
    found = set()
    for index in range(len(word)):
        found.add(word[:index] + word[index + 1 :])
        found.add(word[: index + 1] + word[index:])
        found.add(word[:index] + word[index : index + 2][::-1] + word[index + 2 :])
    return found - {word, ""}


def named(key: Scalar, name: str) -> Scalar:
    return Scalar(key.span, name, True, name)


def others(key: Scalar, value: Node) -> Iterator[Node]:
    """Values of other types."""
    wrapped = Mapping(value.span, ((named(key, "k"), value),))
    if isinstance(value, Scalar):
        yield wrapped
        yield Sequence(value.span, (Sequence(value.span, (value,)),))
        if isinstance(value.value, int | float | bool):
            yield Scalar(value.span, "some words", True, "some words")
    else:
        yield Scalar(value.span, "3", True, 3)
        yield wrapped if isinstance(value, Sequence) else Sequence(value.span, (value,))


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def tree(request: pytest.FixtureRequest) -> Mapping:
    path: File = request.param
    return read_mapping(path.read_bytes(), path.name)


def free(path: Path) -> bool:
    """Whether the key is a name that the user chose, where another is as good."""
    return path[:2] == ("data", "sources") and len(path) == 3


def test_a_real_spec_is_accepted_by_both(tree: Mapping) -> None:
    assert problems(tree) == []
    assert [error.message for error in EDITORS.iter_errors(plain(tree))] == []


def test_a_misspelt_key_is_refused_and_nearly_always_named(tree: Mapping) -> None:
    missed, total = [], 0
    for path, key, value in entries(tree):
        for slip in () if free(path) else slips(key.text):
            found = problems(replaced(tree, path, ((named(key, slip), value),)))
            assert "unknown-key" in {problem.slug for problem in found}, (path, slip)
            total += 1
            remedies = " ".join(problem.remedy for problem in found)
            if key.text not in remedies and slip not in DECLARED:
                missed.append((key.text, slip, remedies))
    assert len(missed) <= 0.05 * total, missed


def test_what_is_moved_doubled_or_of_another_type_is_refused_by_both(tree: Mapping) -> None:
    for path, key, value in entries(tree):
        if free(path):
            continue
        mutants = [((key, other),) for other in others(key, value)]
        if path != ("data", "sources") or plain(value):  # where it would name a source, whose origin LR233 misses
            mutants.append(((key, Mapping(value.span, ((key, value),))),))  # one level down
        mutants.append(((named(key, key.text + key.text[-1]), value),))
        for change in mutants:
            mutant = replaced(tree, path, change)
            assert problems(mutant), (path, plain(mutant))
            assert not EDITORS.is_valid(plain(mutant)), (path, plain(mutant))
        check_moved_up(tree, path, key, value)
        twice = problems(replaced(tree, path, ((key, value), (key, value))))
        assert "duplicate-key" in {problem.slug for problem in twice}, path


def check_moved_up(tree: Mapping, path: Path, key: Scalar, value: Node) -> None:
    """Move a key beside the mapping that holds it, where no key of that name may stand."""
    beside = (*path[:-2], key.text)
    paths = {each[0] for each in entries(tree)}
    if len(path) < 2 or not isinstance(path[-2], str) or beside in paths or is_declared(beside):
        return
    holder, outer = next((each[1], each[2]) for each in entries(tree) if each[0] == path[:-1])
    assert isinstance(outer, Mapping)
    rest = Mapping(outer.span, tuple(entry for entry in outer.entries if entry[0] is not key))
    mutant = replaced(tree, path[:-1], ((holder, rest), (key, value)))
    assert problems(mutant), path
    assert not EDITORS.is_valid(plain(mutant)), path


def is_declared(path: Path) -> bool:
    return tuple(part for part in path if isinstance(part, str)) in DECLARED_PATHS
