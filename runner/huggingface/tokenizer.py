"""The tokenizer of a run as files that the libraries tokenizers and Transformers load.

That of the backend byte is written as byte-level BPE without merges; that of the backend huggingface is copied byte for
byte. The encodings of tiktoken have no such files: they are named in the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.data.tokenizer_files import BESIDE, CONFIG, TOKENIZER, TokenizerFiles, read_tokenizer_files
from runner.failure import ExitCode, Failure
from runner.huggingface.tensors import write_json
from schema.sections.tokenizer import Tokenizer
from schema.tokenizers import BYTES, END_OF_TEXT, PAD, byte_letters

AGAIN = "nothing is exported, and the training is saved: bring it back and run the same command again"
TEMPLATES = "additional_chat_templates"  # a folder of them


def write_tokenizer(folder: Path, section: Tokenizer, block_size: int, fingerprint: str) -> None:
    """Write the files of a tokenizer into an existing folder; none for tiktoken.

    `block_size` is the longest sequence, in tokens, that the model was trained on, `fingerprint` that of the tokenizer
    which made its data. Raises OSError, and Failure STORAGE where a file to copy can't be read or is another one.
    """
    if section.backend == "byte":
        write_json(folder / TOKENIZER, byte_definition())
        write_json(folder / CONFIG, _byte_config(block_size))
    elif section.backend == "huggingface":
        write_files(folder, _copied(section, fingerprint))


def tokenizer_files(folder: Path) -> dict[str, bytes]:
    """Read what a model's folder holds of its tokenizer, by the names of the files. Raises OSError."""
    names = [TOKENIZER, *BESIDE, *(f"{TEMPLATES}/{path.name}" for path in (folder / TEMPLATES).glob("*.jinja"))]
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write such files into another folder. Raises OSError."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def without_files(section: Tokenizer) -> str | None:
    """Say why a tokenizer has no files in an export, and what to do; None where it has."""
    if section.backend != "tiktoken":
        return None
    return (
        f"no tokenizer.json is exported: the library tokenizers splits text by another engine of patterns than "
        f"tiktoken, and may give other ids; encode with tiktoken.get_encoding({section.name!r})"
    )


def _copied(section: Tokenizer, fingerprint: str) -> dict[str, bytes]:
    """The files of a folder, by their names, once they are found to be those that the data were made with."""
    source = same_tokenizer(section, fingerprint).folder
    try:
        files = tokenizer_files(source)
    except OSError as error:
        raise _lost(error) from error
    return files


def same_tokenizer(section: Tokenizer, fingerprint: str) -> TokenizerFiles:
    """Read the tokenizer of the backend huggingface again. Raises Failure STORAGE where it is gone or another one."""
    try:
        files = read_tokenizer_files(str(section.name), section.add_bos)
    except Failure as failure:
        raise _lost(failure) from failure
    if files.facts.fingerprint != fingerprint:
        raise Failure(f"the tokenizer in '{files.folder}' is not the one that made the data; {AGAIN}", ExitCode.STORAGE)
    return files


def _lost(error: Exception) -> Failure:
    reason = str(error).partition("; ")[0]
    return Failure(f"the tokenizer's files can't be copied: {reason}; {AGAIN}", ExitCode.STORAGE)


def byte_definition() -> dict[str, Any]:
    """tokenizer.json of the byte tokenizer: a byte is its own id, 256 ends a text, 257 pads a row.

    ByteLevel writes each byte as one printable letter before BPE looks it up; without merges that letter is a token.
    """
    added = {END_OF_TEXT: BYTES, PAD: BYTES + 1}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": number,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, number in added.items()
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {letter: byte for byte, letter in enumerate(byte_letters())},
            "merges": [],
        },
    }


def _byte_config(block_size: int) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END_OF_TEXT,
        "pad_token": PAD,
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": block_size,
    }
