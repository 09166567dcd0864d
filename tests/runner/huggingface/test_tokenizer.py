"""The files of a tokenizer: those of the byte tokenizer give its ids under the library, a folder's are copied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from runner.data.tokenizers.byte import END, PAD, ByteTokenizer
from runner.data.tokenizers.huggingface import load_huggingface
from runner.huggingface.tokenizer import byte_definition, byte_letters, write_tokenizer
from schema.sections import tokenizer as section
from tests.runner.data.tokenizer_folders import byte_level, folder

ODD = ["", " ", "\n\n  a", "don't", "naïve 日本 🙂", "\x00\x7f\u0085\u2028", "<|endoftext", "a" * 3000]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the byte tokenizer."""
    place = tmp_path_factory.mktemp("byte")
    write_tokenizer(place, section.Tokenizer(), 64)
    return place


@pytest.fixture(scope="module")
def library(written: Path) -> Tokenizer:
    """The byte tokenizer as the library loads it."""
    return Tokenizer.from_file(str(written / "tokenizer.json"))


@pytest.mark.parametrize("text", ODD)
def test_the_library_gives_our_ids(text: str, library: Tokenizer) -> None:
    assert library.encode(text).ids == ByteTokenizer().encode(text).tolist()


@given(st.text())
@settings(max_examples=100)
def test_the_library_gives_our_ids_of_any_text(library: Tokenizer, text: str) -> None:
    ids = library.encode(text).ids
    assert ids == ByteTokenizer().encode(text).tolist()
    assert library.decode([*ids, END, PAD]) == text == ByteTokenizer().decode(ids)


@given(st.binary())
@settings(max_examples=100)
def test_the_library_gives_our_text_of_any_bytes(library: Tokenizer, ids: bytes) -> None:
    assert library.decode([*ids]) == ByteTokenizer().decode([*ids])


def test_special_tokens_have_our_ids(library: Tokenizer, written: Path) -> None:
    assert library.encode("a<|endoftext|><|pad|>").ids == [97, END, PAD]
    config = json.loads((written / "tokenizer_config.json").read_text())
    assert [library.token_to_id(config[name]) for name in ("eos_token", "pad_token")] == [END, PAD]
    assert (library.get_vocab_size(), config["model_max_length"]) == (ByteTokenizer().vocabulary, 64)


def test_the_letters_are_the_librarys() -> None:
    assert sorted(byte_letters()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert len(byte_definition()["model"]["vocab"]) == 256


def test_our_own_reader_takes_it(written: Path) -> None:
    tokenizer, own = load_huggingface(str(written)), ByteTokenizer()
    assert (tokenizer.vocabulary, tokenizer.end, tokenizer.pad) == (own.vocabulary, own.end, own.pad)
    assert tokenizer.encode("a <|endoftext|> b").tolist() == own.encode("a <|endoftext|> b").tolist()


def test_the_files_of_a_folder_are_copied_byte_for_byte(tmp_path: Path) -> None:
    source, target = folder(tmp_path / "smol", byte_level()), tmp_path / "export"
    (source / "chat_template.jinja").write_text("{{ messages }}")
    (source / "model.safetensors").write_bytes(b"weights")
    target.mkdir()
    write_tokenizer(target, section.Tokenizer(backend="huggingface", name=str(source)), 64)
    names = ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(path.name for path in target.iterdir()) == names
    assert all((target / name).read_bytes() == (source / name).read_bytes() for name in names)


def test_an_encoding_of_tiktoken_has_no_files(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, section.Tokenizer(backend="tiktoken", name="gpt2"), 64)
    assert list(tmp_path.iterdir()) == []
