"""Long texts are cut so that the ids of their parts are those of the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.stores.cuts import Cutter
from runner.data.tokenizers import Tokenizer
from runner.data.tokenizers.byte import ByteTokenizer
from runner.data.tokenizers.huggingface import load_huggingface
from runner.data.tokenizers.tiktoken import TiktokenTokenizer
from tests.runner.data.tokenizer_folders import KINDS, TEXT, folder

WORDS = [*" ".join(TEXT[:2]).split(" "), "\n", "  ", "12345", "don't", "Größe", "日本語。", "e\u0301", "</s>", "x" * 20]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=60, max_size=120).map(" ".join)
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def bytes_merged() -> TiktokenTokenizer:
    """GPT-2's words, over bytes and a few merges."""
    ranks = {bytes([i]): i for i in range(256)}
    for pair in (b"th", b"he", b"the", b" t", b" th", b" the", b"at", b" c", b" cat", b"in", b"  ", b"12", b"ds"):
        ranks[pair] = len(ranks)
    return TiktokenTokenizer(
        tiktoken.Encoding("tiny", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": len(ranks)})
    )


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tokenizer]:
    found: dict[str, Tokenizer] = {"byte": ByteTokenizer(), "tiktoken": bytes_merged()}
    for kind, build in KINDS.items():
        found[kind] = load_huggingface(str(folder(tmp_path_factory.mktemp(kind), build())))
    return found


@pytest.mark.parametrize("kind", ["byte", "tiktoken", *KINDS])
@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=6), continued=st.booleans())
@settings(max_examples=25)
def test_ids_of_parts_are_those_of_the_whole(
    kind: str, text: str, cuts: list[int], continued: bool, tokenizers: dict[str, Tokenizer]
) -> None:
    tokenizer = tokenizers[kind]
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    cutter = Cutter(tokenizer, continued=continued, window=128, context=32)
    parts = []
    for start, end in pairwise(places):
        parts += cutter.add(text[start:end], is_last=end == len(text))
    assert "".join(part for part, _ in parts) == text
    assert len(parts) > 1 or len(text) < 512
    assert [follows for _, follows in parts] == [continued, *([True] * (len(parts) - 1))]
    ids = [tokenizer.encode_batch([part], continued=follows)[0] for part, follows in parts]
    assert np.concatenate(ids).tolist() == tokenizer.encode_batch([text], continued=continued)[0].tolist()


def test_a_text_without_words_is_cut_all_the_same(tokenizers: dict[str, Tokenizer]) -> None:
    for tokenizer in tokenizers.values():
        parts = list(Cutter(tokenizer, window=64, context=8).add("7" * 1000, is_last=True))
        assert "".join(part for part, _ in parts) == "7" * 1000
        assert max(len(part) for part, _ in parts) == 2 * 64
