"""The tokenizer of a run as files that the libraries tokenizers and Transformers load.

That of the backend byte is written as byte-level BPE without merges; that of the backend huggingface is copied byte for
byte. The encodings of tiktoken have no such files: they are named in the spec.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from runner.data.tokenizer_files import CONFIG, SPECIAL_TOKENS, TOKENIZER
from runner.huggingface.tensors import write_json
from schema.sections.tokenizer import Tokenizer
from schema.tokenizers import END_OF_TEXT, PAD

BYTES = 256
# What else a tokenizer's folder may hold: the vocabulary in older forms, and chat templates.
COPIED = (CONFIG, SPECIAL_TOKENS, "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja")


def write_tokenizer(folder: Path, section: Tokenizer, block_size: int) -> None:
    """Write the files of a tokenizer into an existing folder; none for tiktoken. Raises OSError.

    `block_size` is the longest sequence, in tokens, that the model was trained on.
    """
    if section.backend == "byte":
        write_json(folder / TOKENIZER, byte_definition())
        write_json(folder / CONFIG, _byte_config(block_size))
    elif section.backend == "huggingface":
        source = Path(str(section.name))
        for name in (TOKENIZER, *(name for name in COPIED if (source / name).is_file())):
            shutil.copyfile(source / name, folder / name)


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


def byte_letters() -> list[str]:
    """The letter that ByteLevel writes for each byte, as GPT-2 does: a printable one is itself, others follow U+0100.

    Printable are ! to ~, ¡ to ¬ and ® to ÿ of Latin-1.
    """
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [byte for byte in range(BYTES) if byte not in shown]
    return [chr(byte) if byte in shown else chr(BYTES + hidden.index(byte)) for byte in range(BYTES)]


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
