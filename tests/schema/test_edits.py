"""Edits: the text means what was asked afterwards, and every comment on a line of its own is still there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from schema.diagnostic import Edit
from schema.edits import Edits
from schema.findings import Path
from schema.fixes import edited
from schema.source import read_mapping

KEYS = st.sampled_from(["a", "b", "cc", "d_d", "rate"])
SCALARS = st.sampled_from(["1", "text", "'quoted: # no'", '"x"', "3e-4", "true"])


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def edits(text: str) -> Edits:
    return Edits(read_mapping(text.encode(), "spec.yaml"))


def flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value)


def block(value: Any, indent: str, draw: st.DrawFn) -> str:
    """A value as block YAML, now and then in flow style, with comments between and behind its lines."""
    lines = []
    entries = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, inner in entries:
        if draw(st.booleans()):
            lines.append(f"{indent}# about {key}")
        head = f"{indent}{key}:" if key else f"{indent}-"
        behind = draw(st.sampled_from(["", "", " # behind"]))
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            lines.append(f"{head} {flow(inner)}{behind}")
        else:
            lines += [f"{head}{behind}", block(inner, indent + "  ", draw).rstrip("\n")]
    return "\n".join(lines) + "\n"


VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    return block(draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)), "", draw)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every path of a value, its own left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, below in inner for each in [(*path, key), *paths(below, (*path, key))]]


def at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def comments(text: str) -> list[str]:
    return re.findall(r"^\s*(# about .*)$", text, re.MULTILINE)


def after(text: str, edit: Edit | None) -> str:
    assert edit is not None
    changed = edited(text, [edit])
    assert comments(changed) == comments(text)
    return changed


@settings(max_examples=100, deadline=None)
@given(specs(), st.data())
def test_a_removed_path_is_gone_and_nothing_else(text: str, data: st.DataObject) -> None:
    value = load(text)
    path = data.draw(st.sampled_from(paths(value)))
    edit = edits(text).remove(path)
    if edit is None:
        return
    wanted = value
    del at(wanted, path[:-1])[path[-1]]
    while len(path) > 1 and at(wanted, path[:-1]) == {} and load(edited(text, [edit])) != wanted:
        path = path[:-1]
        del at(wanted, path[:-1])[path[-1]]
    assert load(after(text, edit)) in (wanted, wanted or None)


@settings(max_examples=100, deadline=None)
@given(specs(), st.data())
def test_a_replaced_value_and_a_renamed_key_stand_where_they_stood(text: str, data: st.DataObject) -> None:
    value = load(text)
    path = data.draw(st.sampled_from(paths(value)))
    if not isinstance(at(value, path), dict | list):
        wanted = load(text)
        at(wanted, path[:-1])[path[-1]] = 77
        assert load(after(text, edits(text).replace(path, "77"))) == wanted
    if isinstance(path[-1], str):
        wanted = load(text)
        holder = at(wanted, path[:-1])
        holder["new_name"] = holder.pop(path[-1])
        assert load(after(text, edits(text).rename(path, "new_name"))) == wanted


@settings(max_examples=100, deadline=None)
@given(specs(), st.data())
def test_an_inserted_key_is_there_with_the_mappings_above_it(text: str, data: st.DataObject) -> None:
    value = load(text)
    mappings = [path for path in [(), *paths(value)] if isinstance(at(value, path), dict)]
    path = (*data.draw(st.sampled_from(mappings)), *data.draw(st.sampled_from([("new",), ("new", "below")])))
    edit = edits(text).insert(path, "5")
    if edit is None:
        return
    wanted = value
    for part in path[:-1]:
        wanted = wanted.setdefault(part, {}) if isinstance(wanted, dict) else wanted[part]
    wanted[path[-1]] = 5
    assert load(after(text, edit)) == value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x {b: 1}\nc: *x\n", ("a", "b")),
        ("a: &x {b: 1}\nc: *x\n", ("c", "b")),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}\n", ("c", "b")),
        ("a: [1, # why\n  2]\n", ("a", 0)),
        ("a:\n- b: 1\n", ("a", 0, "b")),
        ("a: 1\n", ("b",)),
        ("a: 1\n", ()),
    ],
)
def test_what_cannot_be_removed_alone_is_left(text: str, path: Path) -> None:
    assert edits(text).remove(path) is None


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("a:\r\n  b: 1\r\n  c: 2 # two\r\n# end\r\n", ("a", "c"), "a:\r\n  b: 1\r\n# end\r\n"),
        ("a:\n  b: |\n    one\n    two\n\nc: 1\n", ("a", "b"), "\nc: 1\n"),
        ("a: 1\nb: 2", ("b",), "a: 1\n"),
        ("l:\n- - a: 1\n  - a: 2\n- - a: 3\n", ("l", 0, 0), "l:\n- - a: 2\n- - a: 3\n"),
        ("m: {a: 1, b: 2, c: 3}\n", ("m", "b"), "m: {a: 1, c: 3}\n"),
        ("m: {a: 1, c: 3}\n", ("m", "c"), "m: {a: 1}\n"),
    ],
)
def test_removals_by_hand(text: str, path: Path, left: str) -> None:
    assert after(text, edits(text).remove(path)) == left
