"""Where a place of a spec stands: block style by indentation, flow style by brackets, half-typed text included."""

from __future__ import annotations

import pytest

from schema.editor.cursor import Cursor, cursor_at

MIXTURE = "training:\n  pre_lora_dataset: "
ENTRY = ("training", "pre_lora_dataset", 0, 0)


def at(marked: str) -> Cursor | None:
    """What stands where the text has its mark |."""
    before, _, behind = marked.partition("|")
    return cursor_at((before + behind).split("\n"), before.count("\n"), len(before.rpartition("\n")[2]))


@pytest.mark.parametrize(
    ("marked", "path", "key", "siblings"),
    [
        ("|", (), "", set()),
        ("tr|", (), "tr", set()),
        ("training:\n  batch_size: 8\n  |\n  seed: 1", ("training",), "", {"batch_size", "seed"}),
        ("training: &anchor # a comment\n  # another\n\n  se|", ("training",), "se", set()),
        ("optimization:\n  lora:\n    ra|nk: 8\n    alpha: 2\n  lr: 1", ("optimization", "lora"), "rank", {"alpha"}),
        (f"{MIXTURE}\n  - - name: web\n      ra|", ENTRY, "ra", {"name"}),
        (f"{MIXTURE}\n    - - na|\n      - name: chat", ENTRY, "na", set()),
        (f"{MIXTURE}[[{{name: web, ra|}}]]", ENTRY, "ra", {"name"}),
        (f"{MIXTURE}[[{{|", ENTRY, "", set()),
        (f"{MIXTURE}[[{{name: a}}, {{name: b, |rate: 1\n  seed: 1", ENTRY, "rate", {"name"}),
        (f"{MIXTURE}[\n    [{{name: 'a: {{'}}, # }}\n    {{|, \"name\": b}}]\n]", ENTRY, "", {"name"}),
        (f"{MIXTURE}\n    - - {{ name: a, | }}\n      - {{ rate: 1 }}", ENTRY, "", {"name"}),
        ("{training: {se|}, mesh: {}}", ("training",), "se", set()),
    ],
)
def test_the_mapping_of_a_key_is_found(marked: str, path: tuple[str | int, ...], key: str, siblings: set[str]) -> None:
    found = at(marked)
    assert found is not None
    assert (found.path, found.key, found.siblings, found.in_value) == (path, key, siblings, False)


@pytest.mark.parametrize(
    ("marked", "key", "word"),
    [
        ("data:\n  on_exhausted: re|peat # or not", "on_exhausted", "repeat"),
        ("architecture:\n  rope: |", "rope", ""),
        ("architecture:\n  rope:  |  # unknown", "rope", ""),
        ("architecture:\n  rope: |true", "rope", "true"),
        ("tokenizer:\n  name: 'a # b|'", "name", "'a # b'"),
        (f"{MIXTURE}[[{{style: p|md}}]]", "style", "pmd"),
        (f"{MIXTURE}[[{{style: |", "style", ""),
        ("training: {validation: |, seed: 3}", "validation", ""),
    ],
)
def test_the_value_of_a_key_is_found_whole(marked: str, key: str, word: str) -> None:
    found = at(marked)
    assert found is not None
    line = next(line for line in marked.split("\n") if "|" in line).replace("|", "")
    assert (found.key, found.in_value, line[found.start : found.end]) == (key, True, word)


@pytest.mark.parametrize(
    "marked",
    [
        "training: # a com|ment",
        "training: {seed: 1} # a com|ment",
        "training: {seed: 1, # a com|ment\n  lr: 1}",
        "training:\n  pre_lora_tokens: [26|]",
        "training:\n  pre_lora_tokens: [26] |",
        "training:\n  pre_lora_tokens: [\n    26|\n  ]",
        "training:\n | seed: 1",
        "training |: 1",
        "'training|': 1",
    ],
)
def test_elsewhere_no_key_and_no_value_stands(marked: str) -> None:
    assert at(marked) is None


def test_letters_outside_of_the_first_plane_move_nothing() -> None:
    lines = ["# 🦊", "x-🦊: é", "training: {x-note: 🦊🦊, se}", ""]
    found = cursor_at(lines, 2, len("training: {x-note: 🦊🦊, se"))
    assert found is not None
    assert (found.path, found.key, found.start) == (("training",), "se", len("training: {x-note: 🦊🦊, "))
