"""Folders of tiny Hugging Face tokenizers, trained by the library on a few lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = ["the cat sat on the mat, and the cat was fat", "words of many kinds: 123, ünï, 日本, snake_case()"] * 4
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
FRAME = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])


def byte_level() -> Tokenizer:
    """BPE over bytes, as GPT-2 and Llama 3 have it: no text is unknown."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False, initial_alphabet=alphabet),
    )
    return made


def prefixed() -> Tokenizer:
    """BPE with a letter for the space, which is put before a text too, as Llama 2 has it."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    made.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=90, special_tokens=SPECIAL, show_progress=False))
    made.post_processor = FRAME
    return made


def unigram() -> Tokenizer:
    """Pieces with scores, among them the special tokens, as SentencePiece writes them."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=SPECIAL, show_progress=False, unk_token="<unk>")
    made.train_from_iterator(TEXT, trainer)
    made.post_processor = FRAME
    return made


def word_piece() -> Tokenizer:
    """Words and their parts, as BERT has them: spaces and capitals are lost."""
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(
        TEXT, trainers.WordPieceTrainer(vocab_size=120, special_tokens=SPECIAL, show_progress=False)
    )
    made.post_processor = processors.Sequence([processors.BertProcessing(("</s>", 2), ("<s>", 1))])
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "byte_level": byte_level,
    "prefixed": prefixed,
    "unigram": unigram,
    "word_piece": word_piece,
}


def folder(path: Path, made: Tokenizer, **files: Any) -> Path:
    """Save a tokenizer in a folder, with tokenizer_config.json and other files beside it, whose values are given.

    Without files, tokenizer_config.json names `</s>` as the end of text and `<pad>` as padding.
    """
    path.mkdir(parents=True, exist_ok=True)
    made.save(str(path / "tokenizer.json"))
    for name, value in (files or {"tokenizer_config": {"eos_token": "</s>", "pad_token": "<pad>"}}).items():
        (path / f"{name}.json").write_text(json.dumps(value))
    return path


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the tokenizer.json of a folder."""
    file = path / "tokenizer.json"
    definition = json.loads(file.read_text())
    change(definition)
    file.write_text(json.dumps(definition))
