"""The located tree: places, limits, and one located error for whatever is no spec."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schema.formats import render_json, render_text
from schema.lint import lint_text
from schema.text.source import Mapping, Scalar, SourceError, read_mapping


def read(text: str) -> Mapping:
    return read_mapping(text.encode(), "spec.yaml")


def entry(mapping: Mapping, name: str) -> object:
    return next(value for key, value in mapping.entries if key.text == name)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_places_count_lines_and_characters_from_one(line_end: str) -> None:
    tree = read(line_end.join(["# ünï", "a: {é: 'x', b: [1, two]}", "c: 3"]))
    inner = entry(tree, "a")
    assert isinstance(inner, Mapping)
    (key, value), (_, items) = inner.entries
    assert (key.span.line, key.span.column, key.span.end_column) == (2, 5, 6)
    assert isinstance(value, Scalar)
    assert (value.span.column, value.span.end_column, value.plain, value.value) == (8, 11, False, "x")
    assert items.span.start == ("spec.yaml", 2, 16)
    assert tree.entries[1][0].span.line == 3


def test_a_byte_order_mark_is_no_character_of_the_text() -> None:
    assert read("\ufeffa: 1").entries[0][0].span.column == 1


def test_merge_keys_and_aliases_are_resolved_and_written_keys_win() -> None:
    tree = read("x: &x {a: 1, b: 2}\ny: &y {b: 5, c: 6}\nz: {<<: [*x, *y], a: 9}\nw: *x")
    merged = entry(tree, "z")
    assert isinstance(merged, Mapping)
    assert [(key.text, value.text) for key, value in merged.entries if isinstance(value, Scalar)] == [
        ("a", "9"),
        ("b", "2"),
        ("c", "6"),
    ]
    assert entry(tree, "w") is entry(tree, "x")


@pytest.mark.parametrize(
    ("text", "slug", "line", "column"),
    [
        ("a: [" * 100_000, "unsafe-yaml", 1, 129),
        ("[" * 300_000, "unsafe-yaml", 1, 65),
        ("a: 1\n" * 10_000, "unsafe-yaml", 5000, 4),
        ("a: &a [*a]", "unsafe-yaml", 1, 8),
        ("a: &a {<<: *a}", "unsafe-yaml", 1, 12),
        ("<<: 3", "yaml-syntax", 1, 5),
        ("? [a]\n: 1", "yaml-syntax", 1, 3),
        ("a: !!python/name:os.system ''", "unsafe-yaml", 1, 4),
        ("a: !!int '3'", "unsafe-yaml", 1, 4),
        ("a: !custom {}", "unsafe-yaml", 1, 4),
        ("a: \x00", "yaml-syntax", 1, 4),
        ("a: 1\n--- \nb: 1", "yaml-syntax", 2, 1),
        ("%YAML 1.1\n---\na: yes", "yaml-syntax", 2, 1),
        ("- a", "yaml-syntax", 1, 1),
        ("word", "yaml-syntax", 1, 1),
        ("", "yaml-syntax", 1, 1),
        ("#" * (1 << 20) + "\na: 1", "yaml-syntax", 1, 1),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_whatever_is_no_spec_is_one_located_error(text: str, slug: str, line: int, column: int) -> None:
    with pytest.raises(SourceError) as caught:
        read(text)
    assert (caught.value.slug, *caught.value.span.start[1:]) == (slug, line, column)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["a: !!str 8", "a: ! 8", "a: !!map {}", "a: !!seq []"])
def test_tags_that_change_nothing_are_read(text: str) -> None:
    read(text)


def test_a_text_tag_makes_text() -> None:
    value = entry(read("a: !!str 8"), "a")
    assert isinstance(value, Scalar)
    assert value.value == "8"


FRAGMENTS = st.sampled_from(
    [
        *("training", "optimization", "lora", "rank", "batch_size", "pre_lora_tokens", "<<", "x-a", "data", "sources"),
        *(": ", ":", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "!!str ", "? ", "| ", "> "),
        *("'", '"', "#", "---\n", "...\n", "%YAML 1.1\n", "\t", "\r", "\x85", "\u2028", "\ufeff", "\x00", "\ud800"),
        *("1e400", "-", "~", "300M", ".nan", "0x", "'8'", "\\", "=", "@", "`", "PMD", "web", "9" * 400),
    ]
)


@settings(max_examples=300)
@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=25).map("".join), st.booleans())
@example("? &a [*a]\n: 1", False)
@example("training: !<x> 1", False)
@example("%TAG ! tag:x,2000:\n---\na: !b 1", False)
def test_no_text_crashes_the_linter(text: str, override: bool) -> None:
    verdict = lint_text("training: {}", "s", [text]) if override else lint_text(text, "s")
    assert [found for found in verdict.diagnostics if found.code == "LR900"] == []
    assert render_text(verdict.diagnostics)
    render_json(verdict.diagnostics)
