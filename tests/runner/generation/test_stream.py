"""Text as it is made: no piece has a part of a character, and all pieces together are the text of all ids."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models

from runner.data.tokenizers.byte import ByteTokenizer
from runner.data.tokenizers.huggingface import load_huggingface
from runner.generation.stream import TextStream
from tests.runner.data.tokenizer_folders import KINDS, folder

TEXTS = ("the cat sat\non the mat", "日本語\nünï 🎉🎉 ß", "a\n\n  b 123\n", "\ufffd is a character\ufffd", "é")


def pieces_of(ids: Any, decode: Any) -> list[str]:
    stream = TextStream(decode)
    return [*(stream.push(int(number)) for number in ids), stream.end()]


@pytest.fixture(scope="module", params=["byte", *KINDS])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "byte":
        return ByteTokenizer()
    made = folder(tmp_path_factory.mktemp("tokenizers") / request.param, KINDS[request.param]())
    return load_huggingface(str(made))


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_the_text_and_no_character_is_divided(tokenizer: Any, text: str) -> None:
    ids = tokenizer.encode(text)
    whole, pieces = tokenizer.decode(ids), pieces_of(ids, tokenizer.decode)
    assert "".join(pieces) == whole
    if "\ufffd" not in whole:
        assert not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, 255), max_size=20))
def test_any_bytes_are_given_out_as_they_are_decoded(ids: list[int]) -> None:
    tokenizer = ByteTokenizer()
    assert "".join(pieces_of(ids, tokenizer.decode)) == tokenizer.decode(ids)


def test_a_character_of_four_bytes_comes_with_its_last_one() -> None:
    tokenizer = ByteTokenizer()
    assert pieces_of(tokenizer.encode("a🎉b"), tokenizer.decode) == ["a", "", "", "", "🎉", "b", ""]
    assert pieces_of([65, 0xF0, 0x9F], tokenizer.decode) == ["A", "", "", "\ufffd"]
    assert pieces_of([0x80] * 5, tokenizer.decode) == ["", "", "", "\ufffd", "\ufffd", "\ufffd\ufffd\ufffd"]


def test_bytes_that_stand_in_for_unknown_characters_wait_for_the_whole_run() -> None:
    """As Llama 2's tokenizer has it: one byte that is no character yet makes a run of them unreadable."""
    made = Library(models.BPE(vocab={f"<0x{byte:02X}>": byte for byte in range(256)}, merges=[], byte_fallback=True))
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    text = "日本\n語"
    pieces = pieces_of(text.encode(), lambda ids: made.decode(list(ids)))
    assert "".join(pieces) == text
    assert [piece for piece in pieces if piece] == ["日", "本", "\n", "語"]


def test_the_ids_that_are_decoded_again_stay_few_where_there_are_lines() -> None:
    longest = 0

    def decode(ids: Any) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return ByteTokenizer().decode(ids)

    pieces_of(ByteTokenizer().encode("a line\n" * 50), decode)
    assert longest <= 8
