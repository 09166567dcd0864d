"""A JSON file that holds a digest of its own text shows every byte that has changed since."""

from __future__ import annotations

import json

import pytest

from runner.files.digested_json import read_text, with_digest

FACTS = {"steps": 12, "loss": 0.1 + 0.2, "note": "Zürich", "inner": {"rows": [1, None, True]}}
TEXT = with_digest(json.dumps(FACTS, indent=2))


def test_what_was_written_is_read() -> None:
    assert read_text(TEXT) == FACTS
    assert json.loads(TEXT) == {**FACTS, "sha256": TEXT[12:76]}


def test_every_other_character_anywhere_is_found_out() -> None:
    for place, character in enumerate(TEXT):
        for other in {"0", "7", "x", " ", "\n", chr(ord(character) ^ 1)} - {character}:
            with pytest.raises(ValueError):
                read_text(TEXT[:place] + other + TEXT[place + 1 :])


@pytest.mark.parametrize(
    "changed",
    [
        *(TEXT[:-1], TEXT + "\n", TEXT.replace(":", ": "), "", "[]", "{}", "3"),
        *(json.dumps(FACTS, indent=2), json.dumps(json.loads(TEXT), indent=2)),
    ],
)
def test_another_text_is_found_out(changed: str) -> None:
    with pytest.raises(ValueError, match="not as it was written"):
        read_text(changed)
