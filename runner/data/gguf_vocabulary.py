"""The vocabulary of a tokenizer.json as llama.cpp reads it, where llama.cpp makes the same ids of a text.

That is so for byte-level BPE that cuts a text into words in a way llama.cpp has a name for. Every other tokenizer is
refused: a file with the wrong name would load, and give other ids in silence. Neither numpy nor gguf is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from importlib.util import find_spec
from itertools import count
from typing import Any, NamedTuple

from runner.data.tokenizer_files import TokenizerFiles, read_tokenizer_files
from schema.document import Document
from schema.environment import Obstacle, TokenizerFacts
from schema.text.wording import quote
from schema.tokenizers import byte_letters

OTHERWISE = "remove export/gguf"
DIGITS, WORDS, BYTES = "digits one by one", "words of GPT-2", "bytes"
NO_UTF_8 = {0xC0, 0xC1, *range(0xF5, 0x100)}  # bytes that no text has
# Patterns by which tokenizers cut words, as their tokenizer.json has them.
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA_3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN_2 = LLAMA_3.replace(r"\p{N}{1,3}", r"\p{N}")
# What llama.cpp calls a way to cut words: by its steps, and by whether a word that is a token stays whole
# (`ignore_merges`).
NAMES: Mapping[tuple[tuple[str, ...], bool], str] = {
    ((WORDS,), False): "gpt-2",
    ((DIGITS, WORDS), False): "smollm",
    ((LLAMA_3, BYTES), True): "llama-bpe",
    ((LLAMA_3, BYTES), False): "dbrx",
    ((QWEN_2, BYTES), False): "qwen2",
}


class Unfit(ValueError):  # noqa: N818  (a fact about a tokenizer)
    """A tokenizer that llama.cpp can't be told of: `str()` says why, without naming its folder."""


class TokenType(IntEnum):
    """What llama.cpp does with a token: a control token never comes from plain text, one defined by the user does."""

    NORMAL = 1
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5


class Vocabulary(NamedTuple):
    """A token and its type for every row of the embedding, the merges in order, the name of the way to cut words."""

    pre_tokenizer: str
    tokens: list[str]
    types: list[TokenType]
    merges: list[str]


def read_vocabulary(files: TokenizerFiles, rows: int) -> Vocabulary:
    """Return the vocabulary for an embedding of so many rows; what no token has is padding.

    Raises Unfit where llama.cpp would make other ids of a text.
    """
    model = files.definition["model"]
    try:
        pre_tokenizer = _name(files.definition)
        _check_model(model)
        merges = [each if isinstance(each, str) else " ".join(each) for each in model["merges"]]
        by_id = {number: token for token, number in model["vocab"].items()}
        types = dict.fromkeys(by_id, TokenType.NORMAL)
        for number, token, kind in _added(files):
            if by_id.setdefault(number, token) != token:
                raise Unfit(f"the id {number} is both {quote(by_id[number])} and {quote(token)}")
            types[number] = kind
    except (AttributeError, KeyError, TypeError) as error:
        raise Unfit(f"tokenizer.json is not as the library tokenizers writes it ({error!r})") from error
    if max(by_id) >= rows:
        raise Unfit(f"it has the id {max(by_id)}, and the embedding {rows} rows")
    if len(set(by_id.values())) < len(by_id):
        raise Unfit("two of its ids are the same token")
    padding = _padding(set(by_id.values()))
    return Vocabulary(
        pre_tokenizer,
        [by_id[number] if number in by_id else next(padding) for number in range(rows)],
        [types.get(number, TokenType.UNUSED) for number in range(rows)],
        merges,
    )


def survey_gguf(document: Document, tokenizer: TokenizerFacts | Obstacle | None) -> Obstacle | None:
    """Return why the file that export/gguf asks for can't be written; None where it can, or another rule says why.

    Raises Failure STORAGE where a file of the tokenizer can't be read.
    """
    keys = ("export/gguf", "architecture/vocab_size")
    if not isinstance(tokenizer, TokenizerFacts) or not all(map(document.available, keys)):
        return None
    kind, rows = map(document.value, keys)
    if kind is None:
        return None
    name, add_bos = map(document.value, ("tokenizer/name", "tokenizer/add_bos"))
    return gguf_obstacle(read_tokenizer_files(name, add_bos), rows)


def gguf_obstacle(files: TokenizerFiles, rows: int) -> Obstacle | None:
    """Return why no file can be written with a tokenizer and an embedding of so many rows; None where one can."""
    if find_spec("gguf") is None:
        return Obstacle(
            "export/gguf needs the package gguf, which is not installed", f"pip install 'lorarun[gguf]', or {OTHERWISE}"
        )
    try:
        read_vocabulary(files, rows)
    except Unfit as unfit:
        return Obstacle(f"llama.cpp can't have the tokenizer in '{files.folder}': {unfit}", OTHERWISE)
    return None


def remarks(files: TokenizerFiles) -> Iterator[str]:
    """Say of which rare texts llama.cpp makes other ids than the tokenizer."""
    if files.definition.get("normalizer"):
        yield f"the tokenizer in '{files.folder}' brings text to NFC, and llama.cpp does not: give it text that is NFC"
    if missing := _missing(files.definition["model"]):
        yield (
            f"the tokenizer in '{files.folder}' has no token for {len(missing)} bytes such as {missing[0]:#04x}: both "
            "leave them out of a text, and llama.cpp merges nothing across them"
        )


def _name(definition: Mapping[str, Any]) -> str:
    """Return llama.cpp's name of the way in which a tokenizer cuts a text."""
    normalizer = definition.get("normalizer")
    if normalizer and not _is_nfc(normalizer):
        raise Unfit(f"its normalizer {normalizer['type']} changes a text as llama.cpp does not")
    steps = tuple(_steps(definition.get("pre_tokenizer")))
    whole = bool(definition["model"].get("ignore_merges"))
    if (steps, whole) not in NAMES:
        raise Unfit("llama.cpp has no name for how it cuts a text into words")
    return NAMES[steps, whole]


def _is_nfc(normalizer: Mapping[str, Any]) -> bool:
    if normalizer["type"] == "Sequence":
        return all(map(_is_nfc, normalizer["normalizers"]))
    return bool(normalizer["type"] == "NFC")


def _steps(splitter: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what a pre-tokenizer does, one part after the other."""
    if splitter is None:
        return
    match splitter["type"]:
        case "Sequence":
            for part in splitter["pretokenizers"]:
                yield from _steps(part)
        case "ByteLevel" if not splitter["add_prefix_space"]:
            yield WORDS if splitter.get("use_regex", True) else BYTES
        case "Digits" if splitter["individual_digits"]:
            yield DIGITS
        case "Split" if splitter["behavior"] == "Isolated" and not splitter["invert"]:
            yield str(splitter["pattern"].get("Regex"))
        case kind:
            raise Unfit(f"its pre-tokenizer {kind} cuts a text as llama.cpp does not")


def _check_model(model: Mapping[str, Any]) -> None:
    """Refuse what is no byte-level BPE as llama.cpp knows it."""
    if model["type"] != "BPE":
        raise Unfit(f"its model is {model['type']}, and export/gguf writes byte-level BPE alone")
    for key in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise Unfit(f"its model has a {key}, which llama.cpp does not know")
    if (missing := _missing(model)) and model.get("unk_token") is not None:
        raise Unfit(f"it writes {model['unk_token']!r} for the byte {missing[0]:#04x}, which llama.cpp leaves out")
    if not model["merges"]:
        raise Unfit("it has no merges, and llama.cpp reads no vocabulary without any")


def _missing(model: Mapping[str, Any]) -> list[int]:
    """The bytes of UTF-8 that have no token."""
    return [byte for byte, letter in enumerate(byte_letters()) if letter not in model["vocab"] and byte not in NO_UTF_8]


def _added(files: TokenizerFiles) -> Iterator[tuple[int, str, TokenType]]:
    """Yield the added tokens, with their ids and types."""
    facts = files.facts
    frame = {token.name for token in (facts.bos, facts.eos, facts.pad) if token}
    added = files.definition.get("added_tokens") or ()
    for each in added:
        for key in ("lstrip", "rstrip", "single_word"):
            if each.get(key):
                raise Unfit(f"its token {quote(each['content'])} has {key}, which llama.cpp does not know")
        special = each.get("special", False) or each["content"] in frame
        yield each["id"], each["content"], TokenType.CONTROL if special else TokenType.USER_DEFINED
    for name in frame - {each["content"] for each in added}:
        yield files.ids[name], name, TokenType.CONTROL


def _padding(taken: set[str]) -> Iterator[str]:
    """Yield names that are no token."""
    return (name for name in (f"[PAD{number}]" for number in count()) if name not in taken)
