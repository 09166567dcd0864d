"""The vocabulary that llama.cpp reads: the name of the way to cut words, token types, and what is refused.

That llama.cpp makes the same ids with each of these names was tried with its build 11549 on 1,541 texts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.data.gguf_vocabulary import (
    LLAMA_3,
    QWEN_2,
    TokenType,
    Unfit,
    Vocabulary,
    read_vocabulary,
)
from runner.data.tokenizer_files import read_tokenizer_files
from tests.runner.data.tokenizer_folders import KINDS, byte_level, edit, folder

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
DIGITS = {"type": "Digits", "individual_digits": True}
Change = Callable[[dict[str, Any]], None]


def split(pattern: str, **other: Any) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False, **other}


def cutting(*parts: dict[str, Any], whole: bool = False) -> Change:
    """A tokenizer.json with these parts of a pre-tokenizer."""

    def change(definition: dict[str, Any]) -> None:
        definition["pre_tokenizer"] = parts[0] if len(parts) == 1 else {"type": "Sequence", "pretokenizers": [*parts]}
        definition["model"]["ignore_merges"] = whole

    return change


def setting(*path: str, value: Any) -> Change:
    def change(definition: dict[str, Any]) -> None:
        for name in path[:-1]:
            definition = definition[name]
        definition[path[-1]] = value

    return change


def added(**attributes: Any) -> Change:
    def change(definition: dict[str, Any]) -> None:
        plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
        definition["added_tokens"].append({"id": 300, "content": "<tool>", **plain, **attributes})

    return change


def without_a_byte(definition: dict[str, Any]) -> None:
    del definition["model"]["vocab"]["Ā"]
    definition["model"]["unk_token"] = "<unk>"


def read(path: Path, change: Change = lambda definition: None, rows: int = 320) -> Vocabulary:
    edit(folder(path, byte_level()), change)
    return read_vocabulary(read_tokenizer_files(str(path)), rows)


NAMES = {
    "gpt-2": cutting(BYTE_LEVEL),
    "smollm": cutting(DIGITS, BYTE_LEVEL),
    "llama-bpe": cutting(split(LLAMA_3), {**BYTE_LEVEL, "use_regex": False}, whole=True),
    "dbrx": cutting(split(LLAMA_3), {**BYTE_LEVEL, "use_regex": False}),
    "qwen2": cutting(split(QWEN_2), {**BYTE_LEVEL, "use_regex": False}),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_way_to_cut_words_has_the_name_that_llama_cpp_gives_it(name: str, tmp_path: Path) -> None:
    assert read(tmp_path, NAMES[name]).pre_tokenizer == name


REFUSED: dict[str, tuple[Change, str]] = {
    "another pattern": (cutting(split(r"\w+"), {**BYTE_LEVEL, "use_regex": False}), "no name for how it cuts"),
    "words kept whole": (cutting(split(QWEN_2), {**BYTE_LEVEL, "use_regex": False}, whole=True), "no name for how"),
    "an own pattern before GPT-2's": (cutting(split(LLAMA_3), BYTE_LEVEL), "no name for how it cuts"),
    "no cut": (setting("pre_tokenizer", value=None), "no name for how it cuts"),
    "a pattern that is removed": (cutting(split(LLAMA_3, behavior="Removed"), BYTE_LEVEL), "its pre-tokenizer Split"),
    "a space before a text": (cutting({**BYTE_LEVEL, "add_prefix_space": True}), "its pre-tokenizer ByteLevel cuts"),
    "numbers whole": (cutting({**DIGITS, "individual_digits": False}, BYTE_LEVEL), "its pre-tokenizer Digits cuts"),
    "small letters": (setting("normalizer", value={"type": "Lowercase"}), "its normalizer Lowercase changes a text"),
    "parts of words": (setting("model", "continuing_subword_prefix", value="##"), "a continuing_subword_prefix"),
    "a byte that is unknown": (without_a_byte, "it writes '<unk>' for the byte 0x00"),
    "no merges": (setting("model", "merges", value=[]), "it has no merges"),
    "no field merges": (
        lambda definition: definition["model"].pop("merges"),
        "not as the library tokenizers writes it",
    ),
    "spaces beside a token": (added(lstrip=True), "its token '<tool>' has lstrip"),
    "a token that is a word": (added(single_word=True), "its token '<tool>' has single_word"),
    "an id beyond the rows": (added(id=320), "the id 320, and the embedding 320 rows"),
    "an id twice": (added(id=9), "the id 9 is both '&' and '<tool>'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_tokenizer_that_llama_cpp_would_read_as_another_is_refused(case: str, tmp_path: Path) -> None:
    change, sentence = REFUSED[case]
    with pytest.raises(Unfit) as refused:
        read(tmp_path, change)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"byte_level"}))
def test_other_kinds_of_tokenizers_are_refused(kind: str, tmp_path: Path) -> None:
    files = read_tokenizer_files(str(folder(tmp_path, KINDS[kind]())))
    with pytest.raises(Unfit, match=r"its (model|pre-tokenizer|normalizer) |no name for how it cuts"):
        read_vocabulary(files, 320)


def test_every_row_of_the_embedding_has_a_token_and_a_type(tmp_path: Path) -> None:
    found = read(tmp_path, added())
    assert len(found.tokens) == len(found.types) == len(set(found.tokens)) == 320
    kinds = {token: kind.name for token, kind in zip(found.tokens, found.types, strict=True)}
    wanted = {"</s>": "CONTROL", "<pad>": "CONTROL", "<unk>": "CONTROL", "<tool>": "USER_DEFINED", "Ġm": "NORMAL"}
    assert {token: kinds[token] for token in wanted} == wanted
    assert found.tokens[301:303] == ["[PAD0]", "[PAD1]"]
    assert set(found.types[301:]) == {TokenType.UNUSED}
    assert found.merges[:2] == ["a t", "h e"]


def test_merges_are_read_as_both_releases_of_the_library_write_them(tmp_path: Path) -> None:
    def in_pairs(definition: dict[str, Any]) -> None:
        definition["model"]["merges"] = [each.split() for each in in_lines]

    in_lines = read(tmp_path / "lines").merges
    assert read(tmp_path / "pairs", in_pairs).merges == in_lines
