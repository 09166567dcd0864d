"""libyaml is asked only where it says what ruamel.yaml says: the same events at the same places."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schema.text.events import all_events, plain_events
from schema.text.source import origin_of, read_node
from tests.schema.goldens import SPECS

PLAIN = "training: {tokens: [1, 2.5]}\nchat:\n- a: 'it''s'  # so\n  b: \"\\n\"\n# & * ! ?\n"
# What makes structure, and what libyaml and ruamel.yaml are known to take differently.
PARTS = [
    ": ",
    "- ",
    "\n",
    "\n- ",
    "\n  ",
    " #",
    "#",
    "'",
    '"',
    "{",
    "}",
    "[",
    "]",
    ", ",
    ":",
    "a",
    "1.5",
    "~",
    "é",
    "\\",
]
PARTS += ["\t", "&a ", "*a", "!", "? ", "---\n", "...\n", "\r\n", ">-\n", "|\n"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
SPEC = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")


def shown(event: Any) -> tuple[Any, ...]:
    """What an event says and where; a document's marks are read by nobody."""
    kind = type(event).__name__
    if kind.startswith(("Stream", "Document")):
        return (kind,)
    names = ("anchor", "tag", "value")
    places = (event.start_mark.line, event.start_mark.column, event.end_mark.line, event.end_mark.column)
    style = getattr(event, "style", None) or None if kind == "ScalarEvent" else None
    return kind, style, *(getattr(event, name, None) for name in names), *places


def compare(text: str) -> bool:
    """Whether libyaml was asked; it must have said what ruamel.yaml says."""
    events = plain_events(text)
    if events is not None:
        assert [*map(shown, events)] == [*map(shown, all_events(text))]
    return events is not None


def test_specs_read_the_same() -> None:
    paths = sorted(SPECS.rglob("*.yaml")) + sorted((SPECS.parents[1] / "specs").glob("*.yaml"))
    texts = [path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff") for path in paths]
    assert sum(map(compare, texts)) > 0.6 * len(texts)
    assert compare(PLAIN)


@given(TEXTS, st.integers(0, len(SPEC)), st.integers(0, 8))
def test_what_both_accept_they_read_the_same(part: str, start: int, length: int) -> None:
    compare(part + "\n")
    compare(SPEC[:start] + part + SPEC[start + length :])


@pytest.mark.parametrize(
    "text",
    [
        "a: b",  # no line end: the mapping ends elsewhere
        "a:\nb: 1\n",  # a value that is not written
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "a: |\n  b\n",
        "a: >\n  b\n",
        "? a\n: b\n",
        "%YAML 1.2\n---\na: b\n",
        "---\na: b\n",
        "a: b\n...\n",
        "a: [[1]:]\n",
        "a: b\tc\n",
        "a: b\r\nc: d\r\n",
        "a: b\x85c\n",
        "a: b\u2028c\n",
        "# c\u2028\na: b\n",  # ends the comment for YAML 1.1
        "a: b\n# c\td\n",
        "a: 'b\n",
    ],
)
def test_the_unusual_is_left_to_ruamel(text: str) -> None:
    assert plain_events(text) is None


def test_without_libyaml_a_spec_is_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = origin_of("spec.yaml", SPEC)
    quick = read_node(SPEC, origin)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert plain_events(SPEC) is None
    assert read_node(SPEC, origin) == quick


def test_a_text_of_too_many_events_is_not_read_to_its_end() -> None:
    assert plain_events("a: [" + "1, " * 60_000 + "1]\n") is None
    assert plain_events("a: " + "[" * 100_000 + "\n") is None


def test_comments_may_hold_any_sign() -> None:
    text = re.sub("^", "# & * ! | > % ? }:\n", SPEC, count=1)
    assert compare(text)
