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
from runner.failure import ExitCode, Failure
from runner.huggingface.tokenizer import TEMPLATES, byte_definition, byte_letters, without_files, write_tokenizer
from schema.sections import tokenizer as section
from tests.runner.data.tokenizer_folders import byte_level, folder

END_OF_TEXT, PADDING = "<|endoftext|>", "<|pad|>"
ODD = ["", " ", "\n\n  a", "don't", "naïve 日本 🙂", "\x00\x7f\u0085\u2028", "<|endoftext", "a" * 3000]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the byte tokenizer."""
    place = tmp_path_factory.mktemp("byte")
    write_tokenizer(place, section.Tokenizer(), 64, "")
    return place


@pytest.fixture(scope="module")
def library(written: Path) -> Tokenizer:
    """The byte tokenizer as the library loads it."""
    return Tokenizer.from_file(str(written / "tokenizer.json"))


@pytest.mark.parametrize("text", ODD)
def test_the_library_gives_our_ids(text: str, library: Tokenizer) -> None:
    assert library.encode(text).ids == ByteTokenizer().encode(text).tolist()


@given(st.text().filter(lambda text: END_OF_TEXT not in text and PADDING not in text))  # which are ids of their own
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


def test_transformers_gives_our_ids(written: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers to compare with it")
    theirs, ours = transformers.AutoTokenizer.from_pretrained(written), ByteTokenizer()
    for text in [*ODD, bytes(range(128)).decode(), "".join(map(chr, range(0x80, 0x900)))]:
        assert theirs.encode(text) == ours.encode(text).tolist()
    for byte in range(256):  # a byte of any value, alone and behind another
        for ids in ([byte], [0xC3, byte]):
            assert theirs.decode(ids) == ours.decode(ids)
    assert theirs.encode("a<|endoftext|>b<|pad|>") == [97, END, 98, PAD]
    assert theirs.decode([97, END, PAD], skip_special_tokens=True) == "a"
    assert (theirs.eos_token_id, theirs.pad_token_id, theirs.bos_token_id, len(theirs)) == (END, PAD, None, 258)


@pytest.fixture
def smol(tmp_path: Path) -> Path:
    """The folder of a tokenizer with chat templates, weights and other things."""
    source = folder(tmp_path / "smol", byte_level())
    (source / "chat_template.jinja").write_text("{{ messages }}\r\n", newline="")
    (source / "additional_chat_templates").mkdir()
    (source / "additional_chat_templates/tool_use.jinja").write_text("{{ tools }}")
    (source / "model.safetensors").write_bytes(b"weights")
    return source


def copy(source: Path, target: Path, fingerprint: str) -> None:
    target.mkdir()
    write_tokenizer(target, section.Tokenizer(backend="huggingface", name=str(source)), 64, fingerprint)


def test_the_files_of_a_folder_are_copied_byte_for_byte(smol: Path, tmp_path: Path) -> None:
    target = tmp_path / "export"
    copy(smol, target, load_huggingface(str(smol)).fingerprint)
    names = [f"{TEMPLATES}/tool_use.jinja", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == names
    assert all((target / name).read_bytes() == (smol / name).read_bytes() for name in names)


@pytest.mark.parametrize("lost", ["tokenizer.json", "tokenizer_config.json"])
def test_files_that_are_gone_or_others_are_refused(lost: str, smol: Path, tmp_path: Path) -> None:
    fingerprint = load_huggingface(str(smol)).fingerprint
    (smol / lost).rename(smol / "kept")
    with pytest.raises(Failure, match=r"the tokenizer's files can't be copied: .*smol' .*; nothing is exported") as e:
        copy(smol, tmp_path / "export", fingerprint)
    assert e.value.exit_code == ExitCode.STORAGE
    (smol / "kept").rename(smol / lost)
    with pytest.raises(Failure, match=r"smol' is not the one that made the data; nothing is exported, and the train"):
        copy(smol, tmp_path / "again", "huggingface/other")


def test_an_encoding_of_tiktoken_has_no_files(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, section.Tokenizer(backend="tiktoken", name="gpt2"), 64, "")
    assert list(tmp_path.iterdir()) == []
    why = without_files(section.Tokenizer(backend="tiktoken", name="gpt2"))
    assert why is not None
    assert why.endswith("and may give other ids; encode with tiktoken.get_encoding('gpt2')")
    assert without_files(section.Tokenizer()) is None
