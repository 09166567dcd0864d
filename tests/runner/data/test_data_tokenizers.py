"""The byte tokenizer, and the dispatch over tokenizer/backend."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tiktoken
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public

from runner.data.tokenizers import load_tokenizer
from runner.data.tokenizers.byte import END, PAD, ByteTokenizer
from runner.data.tokenizers.tiktoken import TiktokenTokenizer
from runner.failure import ExitCode, Failure
from schema.sections.tokenizer import Tokenizer
from schema.tokenizers import ENCODINGS, VOCABULARY
from schema.tokenizers import END as ENDS


@given(st.text())
def test_text_survives_the_round_trip(text: str) -> None:
    ids = ByteTokenizer().encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == list(text.encode())
    assert ByteTokenizer().decode([*ids, END, PAD]) == text


def test_ids_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(ValueError, match="0 … 257"):
        ByteTokenizer().decode([258])
    assert ByteTokenizer().decode([0xFF]) == "\ufffd"
    assert ByteTokenizer().decode([]) == ""


def test_the_linter_knows_the_vocabulary_of_every_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    for loader in ("load_tiktoken_bpe", "data_gym_to_mergeable_bpe_ranks"):  # the files need a network, the sizes don't
        monkeypatch.setattr(openai_public, loader, lambda *_, **__: {})
    known, ends = {("byte", None): ByteTokenizer().vocabulary}, {("byte", None): ByteTokenizer().end}
    for name, construct in openai_public.ENCODING_CONSTRUCTORS.items():
        facts = construct()
        known["tiktoken", name] = facts.get("explicit_n_vocab") or max(facts["special_tokens"].values()) + 1
        ends["tiktoken", name] = facts["special_tokens"]["<|endoftext|>"]
    assert {key: known.get(key) for key in VOCABULARY} == VOCABULARY
    assert {key: ends.get(key) for key in ENDS} == ENDS
    assert tuple(name for backend, name in VOCABULARY if backend == "tiktoken") == ENCODINGS


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> TiktokenTokenizer:
    """An encoding of bytes and the merges that make `the`, under the name gpt2."""
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"th": 256, b"the": 257}
    encoding = tiktoken.Encoding(
        "gpt2", pat_str=r"\w+|\W", mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 258}, explicit_n_vocab=259
    )
    monkeypatch.setattr(tiktoken, "get_encoding", {"gpt2": encoding}.__getitem__)
    tokenizer = load_tokenizer(Tokenizer(backend="tiktoken", name="gpt2"))
    assert isinstance(tokenizer, TiktokenTokenizer)
    return tokenizer


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_survives_the_round_trip_through_tiktoken(small: TiktokenTokenizer, text: str) -> None:
    ids = small.encode(text)
    assert ids.dtype == np.int32
    assert small.decode([*ids, small.end]) == text


def test_special_tokens_in_a_text_are_text(small: TiktokenTokenizer) -> None:
    assert small.encode("the").tolist() == [257]
    assert small.end not in small.encode("<|endoftext|>")
    assert (small.vocabulary, small.end, small.pad, small.fingerprint) == (259, 258, 258, "tiktoken/gpt2/end=258")


def test_half_a_surrogate_pair_and_ids_that_do_not_exist_are_refused(small: TiktokenTokenizer) -> None:
    with pytest.raises(UnicodeEncodeError):
        small.encode("\ud800")
    for ids in ([259], [-1]):
        with pytest.raises(ValueError, match="is none of gpt2"):
            small.decode(ids)


def test_an_encoding_that_cannot_be_fetched_is_a_storage_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(tiktoken, "get_encoding", unreachable)
    with pytest.raises(Failure, match="cannot load the encoding gpt2: no route to host") as caught:
        load_tokenizer(Tokenizer(backend="tiktoken", name="gpt2"))
    assert caught.value.exit_code is ExitCode.STORAGE


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(Failure, match=r"pip install 'lorarun\[tiktoken\]'") as caught:
        load_tokenizer(Tokenizer(backend="tiktoken", name="gpt2"))
    assert caught.value.exit_code is ExitCode.INVALID


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Failure, match=r"tokenizer/name can't be 'gpt9'; write gpt2, .* or o200k_harmony") as caught:
        load_tokenizer(Tokenizer(backend="tiktoken", name="gpt9"))
    assert caught.value.exit_code is ExitCode.INVALID


def test_texts_are_encoded_together_as_alone(small: TiktokenTokenizer) -> None:
    texts = ["the", "", "the other"]
    for tokenizer in (small, ByteTokenizer()):
        assert [ids.tolist() for ids in tokenizer.encode_batch(texts)] == [tokenizer.encode(t).tolist() for t in texts]
        assert tokenizer.begin is None
        with pytest.raises(UnicodeEncodeError):
            tokenizer.encode_batch(["the", "\ud800"])


def test_the_section_chooses_the_tokenizer() -> None:
    tokenizer = load_tokenizer(Tokenizer(backend="byte"))
    assert (tokenizer.vocabulary, tokenizer.end, tokenizer.pad) == (258, 256, 257)
