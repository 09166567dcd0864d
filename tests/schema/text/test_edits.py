"""Edits: the text means what was asked afterwards, and every comment on a line of its own is still there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from schema.fixes.apply import edited, fix_text
from schema.lint import Verdict, lint_text
from schema.text.diagnostic import Edit, Fix
from schema.text.edits import Edits
from schema.text.source import Path, read_mapping

KEYS = st.sampled_from(["a", "b", "cc", "d_d", "rate"])
SCALARS = st.sampled_from(["1", "text", "'quoted: # no'", '"x"', "3e-4", "true"])


def load(text: str) -> Any:
    """The value of a text; what aliases share is copied, so that changing one place leaves the others."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


def edits(text: str) -> Edits:
    return Edits(read_mapping(text.encode(), "spec.yaml"))


class Writer:
    """Writes a value as YAML: block or flow style, comments, and now and then an anchor, an alias or a merge key."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.anchors: list[str] = []
        self.mappings: list[str] = []

    def named(self, value: Any) -> str:
        """An anchor for a value that comes, which aliases may name once it is complete."""
        return f"&n{len(self.anchors)} " if self.draw(st.integers(0, 4)) == 0 else ""

    def known(self, anchor: str, value: Any) -> None:
        if anchor:
            self.anchors.append(anchor[1:-1])
            self.mappings += [anchor[1:-1]] if isinstance(value, dict) else []

    def flow(self, value: Any) -> str:
        if self.anchors and self.draw(st.integers(0, 5)) == 0:
            return f"*{self.draw(st.sampled_from(self.anchors))} "
        anchor = self.named(value) if not isinstance(value, dict | list) or not value else ""
        if isinstance(value, dict):
            text = "{" + ", ".join(f"{key}: {self.flow(inner)}" for key, inner in value.items()) + "}"
        elif isinstance(value, list):
            text = "[" + ", ".join(map(self.flow, value)) + "]"
        else:
            text = str(value)
        anchor = anchor or self.named(value)
        self.known(anchor, value)
        return f"{anchor}{text}"

    def block(self, value: Any, indent: str) -> str:
        lines = []
        entries = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        for key, inner in entries:
            if self.draw(st.booleans()):
                lines.append(f"{indent}# about {key}")
            head = f"{indent}{key}:" if key else f"{indent}-"
            behind = self.draw(st.sampled_from(["", "", " # behind"]))
            if not isinstance(inner, dict | list) or not inner or self.draw(st.booleans()):
                lines.append(f"{head} {self.flow(inner)}{behind}")
                continue
            below = self.block(inner, indent + "  ").rstrip("\n")
            anchor = self.named(inner)
            lines += [f"{head} {anchor}".rstrip() + behind, below]
            self.known(anchor, inner)
        if isinstance(value, dict) and self.mappings and self.draw(st.integers(0, 3)) == 0:
            lines.append(f"{indent}<<: *{self.draw(st.sampled_from(self.mappings))}")
        return "\n".join(lines) + "\n"


VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    text = Writer(draw).block(draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)), "")
    return text if draw(st.booleans()) else text.rstrip("\n")


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


@settings(max_examples=100)
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


@settings(max_examples=100)
@given(specs(), st.data())
def test_a_replaced_value_and_a_renamed_key_stand_where_they_stood(text: str, data: st.DataObject) -> None:
    value = load(text)
    path = data.draw(st.sampled_from(paths(value)))
    edit = edits(text).replace(path, "77")
    assert (edit is not None) == (not isinstance(at(value, path), dict | list)) or "*" in text
    if edit is not None:
        wanted = load(text)
        at(wanted, path[:-1])[path[-1]] = 77
        assert load(after(text, edit)) == wanted
    edit = edits(text).rename(path, "new_name")
    assert (edit is not None) == isinstance(path[-1], str) or "*" in text
    if edit is not None:
        wanted = load(text)
        holder = at(wanted, path[:-1])
        holder["new_name"] = holder.pop(path[-1])
        assert load(after(text, edit)) == wanted


@settings(max_examples=100)
@given(specs(), st.data())
def test_a_wrapped_value_is_the_only_item_of_a_list(text: str, data: st.DataObject) -> None:
    value = load(text)
    path = data.draw(st.sampled_from(paths(value)))
    if isinstance(at(value, path), dict) or at(value, path) == []:
        assert edits(text).wrap(path) is None
        return
    edit = edits(text).wrap(path)
    assert edit is not None or "&" in text
    if edit is not None:
        wanted = load(text)
        at(wanted, path[:-1])[path[-1]] = [at(value, path)]
        assert load(after(text, edit)) == wanted


@settings(max_examples=100)
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
        ("a: &x 5\nc:\n- 1\n- *x\nd: 2\n", ("c",)),
        ("a:\n  b: &y 1\n  d: 2\nc: *y\n", ("a", "b")),
        ("a: &x {b: 1}\nc: {<<: *x, b: 3, d: 2}\n", ("c", "b")),
        ("m: {a: &x 1, b: *x, c: 3}\n", ("m", "c")),
        ("? a\n: 1\nb: 2\n", ("a",)),
        ("a: 1\na: 2\nb: 3\n", ("a",)),
    ],
)
def test_what_cannot_be_removed_alone_is_left(text: str, path: Path) -> None:
    assert edits(text).remove(path) is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x\n  b: 1\nc: *x\n", ("a", "n")),
        ("a: &x\n  b: 1\nc: *x\n", ("c", "n")),
        ("a: &x {b: 1}\nc: {<<: *x, b: 3}\n", ("a", "n")),
        ("a: 1\nm: {b: &x 2, c: *x}\n", ("m", "n")),
        ("a: {b: 1}\n", ("a", "b")),
        ("? a\n: 1\n", ("n",)),
        ("a:\nb: 2\n", ("a", "n")),
    ],
)
def test_a_key_is_not_inserted_where_it_would_show_elsewhere_or_break_the_text(text: str, path: Path) -> None:
    assert edits(text).insert(path, "5") is None


def test_merge_keys_within_merge_keys_take_no_time() -> None:
    text = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: {{<<: *a{n - 1}}}}}\n" for n in range(1, 30)) + "z: 1\n"
    assert after(text, edits(text).remove(("z",))) == text.removesuffix("z: 1\n")


def test_edits_of_a_text_without_a_last_line_end_are_all_made() -> None:
    text, made = "a: 1\nb: 2", edits("a: 1\nb: 2")
    both = [made.insert(("c",), "3"), made.replace(("a",), "10")]
    assert edited(text, [edit for edit in both if edit]) == "a: 10\nb: 2\nc: 3"
    text, made = "a: 1\nb: 2", edits("a: 1\nb: 2")
    both = [made.remove(("b",)), made.insert(("c",), "3")]
    assert load(edited(text, [edit for edit in both if edit])) == {"a": 1, "c": 3}


def test_a_fix_that_would_leave_no_yaml_is_not_applied() -> None:
    def lint(text: str) -> Verdict:
        verdict = lint_text(text, "s")
        broken = tuple(found._replace(fix=Fix((Edit(found.span, "{"),), True)) for found in verdict.diagnostics)
        return verdict._replace(diagnostics=broken)

    text = "training: {batch_size: '8'}\n"
    assert fix_text(text, lint).text == text


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("a:\r\n  b: 1\r\n  c: 2 # two\r\n# end\r\n", ("a", "c"), "a:\r\n  b: 1\r\n# end\r\n"),
        ("a:\n  b: |\n    one\n    two\n\nc: 1\n", ("a", "b"), "\nc: 1\n"),
        ("a: 1\nb: 2", ("b",), "a: 1\n"),
        ("l:\n- - a: 1\n  - a: 2\n- - a: 3\n", ("l", 0, 0), "l:\n- - a: 2\n- - a: 3\n"),
        ("m: {a: 1, b: 2, c: 3}\n", ("m", "b"), "m: {a: 1, c: 3}\n"),
        ("m: {a: 1, c: 3}\n", ("m", "c"), "m: {a: 1}\n"),
        ("m: &x {a: 1, c: 3}\n", ("m", "c"), "m: &x {a: 1}\n"),
        ("m: {a: &x 1, b: 2, c: *x}\n", ("m", "b"), "m: {a: &x 1, c: *x}\n"),
        ("a: &x 1\nb: *x\nc: 3\n", ("c",), "a: &x 1\nb: *x\n"),
    ],
)
def test_removals_by_hand(text: str, path: Path, left: str) -> None:
    assert after(text, edits(text).remove(path)) == left
