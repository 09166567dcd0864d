"""A slip in a key is never silent, and nearly always the right key is offered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.check.declared import Declared
from schema.check.findings import Findings
from schema.check.tree import check_value
from schema.document import load_schema
from schema.text.source import Mapping, Node, Scalar, Sequence, read_mapping
from schema.text.wording import distance, nearest
from tests.schema.goldens import SPECS

BASE: Path = SPECS / "ok" / "base.yaml"
TREE = read_mapping(BASE.read_bytes(), "base.yaml")
SCHEMA = load_schema()


def slips(word: str) -> Iterator[str]:
    """Every word that dropping, doubling or swapping letters makes of one."""
    for index in range(len(word)):
        yield word[:index] + word[index + 1 :]
        yield word[: index + 1] + word[index:]
        yield word[:index] + word[index : index + 2][::-1] + word[index + 2 :]


def keys(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Mapping):
        for key, value in node.entries:
            yield key
            yield from keys(value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from keys(item)


def renamed(node: Node, old: Scalar, new: str) -> Node:
    """The same tree with one key, known by its place, under another name."""
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(renamed(item, old, new) for item in node.items))
    if isinstance(node, Scalar):
        return node
    return Mapping(
        node.span,
        tuple(
            (Scalar(key.span, new, True, new) if key is old else key, renamed(value, old, new))
            for key, value in node.entries
        ),
    )


def problems(tree: Node) -> list[Any]:
    found = Findings(SCHEMA)
    check_value(found, tree, SCHEMA, ())
    return found.problems


def test_every_slip_in_a_key_is_one_finding_that_nearly_always_names_the_key() -> None:
    missed, total = [], 0
    for key in keys(TREE):
        for slip in {*slips(key.text)} - {key.text}:
            found = problems(renamed(TREE, key, slip))
            assert [problem.slug for problem in found] == ["unknown-key"], (key.text, slip)
            assert found[0].span == key.span
            total += 1
            if f"'{key.text}'" not in found[0].remedy:
                missed.append((key.text, slip, found[0].remedy))
    assert total > 500
    assert len(missed) <= 0.05 * total, missed


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("rank", "rank", 0), ("rnk", "rank", 1), ("rnak", "rank", 1), ("ca", "abc", 3), ("", "ab", 2), ("a", "abcdef", 5)],
)
def test_distance_counts_edits_and_swaps(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == edits


def test_a_far_name_is_not_offered() -> None:
    assert nearest("gradient_accumulation", ["batch_size", "tokens"]) == []
    assert nearest("tokens", []) == []
    assert nearest("PMD", ["pmd"]) == ["pmd"]


@given(st.text("abcé_AÀ", max_size=6), st.lists(st.text("abcé_AÀ", max_size=9), max_size=12))
def test_the_nearest_names_are_those_of_the_least_distance(name: str, candidates: list[str]) -> None:
    reach = 1 if len(name) < 4 else 2
    edits = {candidate: distance(name.lower(), candidate.lower()) for candidate in candidates}
    least = min(edits.values(), default=reach)
    closest = sorted(candidate for candidate, needed in edits.items() if needed == least <= reach)
    assert nearest(name, candidates) == closest[:3]


def test_references_are_followed_and_the_words_beside_them_win() -> None:
    part = {"$ref": "#/$defs/Part", "description": "this one"}
    parts = {"Part": {"type": "object", "description": "a part", "properties": {"n": {"type": ["number", "string"]}}}}
    declared = Declared({"properties": {"a": part, "b": {"anyOf": [part, {"type": "null"}]}}, "$defs": parts})
    whole = {"type": "object", "description": "this one", "properties": {"n": {"type": "number"}}}
    assert declared["properties"] == {"a": whole, "b": {"anyOf": [whole, {"type": "null"}]}}
    assert declared.paths == {"a": ("a",), "a/n": ("a", "n"), "b": ("b",)}
    assert declared.named["n"] == [("a", "n")]
