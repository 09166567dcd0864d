"""Tokenizers of Hugging Face folders, by the library tokenizers; `runner/data/tokenizer_files` reads their files.

Special tokens that stand in a text are text here. The template of tokenizer.json, its truncation, padding and dropout
are not used: whoever writes a store adds what begins and ends a document, and a text always has the same ids.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from runner.data.tokenizer_files import TOKENIZER, TokenizerFiles, is_control, read_tokenizer_files
from runner.failure import ExitCode, Failure
from schema.environment import TokenizerFacts
from schema.text.wording import quote

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class HuggingFaceTokenizer:
    """Satisfies `runner.data.tokenizers.Tokenizer`.

    `opening` encodes the beginning of a text, `continuing` what follows other text: it puts no space before the first
    word. `special` are the tokens that no text may become, by id.
    """

    folder: Path
    facts: TokenizerFacts
    opening: tokenizers.Tokenizer
    continuing: tokenizers.Tokenizer
    special: Mapping[int, str]

    @property
    def fingerprint(self) -> str:
        """Digest of tokenizer.json and of the special tokens, wherever the folder lies."""
        return self.facts.fingerprint

    @property
    def vocabulary(self) -> int:
        """The highest id plus one, added tokens included."""
        return self.facts.ids

    @property
    def begin(self) -> int | None:
        """Id of the beginning of text, None where documents have none."""
        return self.facts.bos.id if self.facts.bos and self.facts.add_bos else None

    @property
    def end(self) -> int:
        """Id of the end of text."""
        return self.facts.eos.id

    @property
    def pad(self) -> int:
        """Id of the padding token; that of the end of text where there is none."""
        return self.facts.pad.id

    @cached_property
    def _is_special(self) -> npt.NDArray[np.bool_]:
        """Whether no text may become an id, (vocabulary,)."""
        table = np.zeros(self.vocabulary, np.bool_)
        table[list(self.special)] = True
        return table

    def encode(self, text: str, *, continued: bool = False) -> Ids:
        """Return the ids of a text, (tokens,), with special tokens as plain text.

        Raises UnicodeEncodeError on lone surrogates, and Failure INVALID where the tokenizer has no other token for the
        name of a special one.
        """
        return self.encode_batch([text], continued=continued)[0]

    def encode_batch(self, texts: Sequence[str], *, continued: bool = False) -> list[Ids]:
        """Return the ids of each text, (tokens,), encoded in parallel; errors are those of `encode`."""
        for text in texts:
            text.encode("utf-8")
        encoder = self.continuing if continued else self.opening
        encodings = encoder.encode_batch_fast(list(texts), add_special_tokens=False)
        found = [np.asarray(encoding.ids, np.int32) for encoding in encodings]
        return [
            self._in_pieces(text, continued) if self._is_special[ids].any() else ids
            for text, ids in zip(texts, found, strict=True)
        ]

    def _in_pieces(self, text: str, continued: bool) -> Ids:
        """Encode a text that holds names of special tokens, each cut behind its first character.

        Models that look whole pieces up, such as Unigram, find those names in their vocabulary too.
        """
        names = "|".join(re.escape(name) for name in self.special.values())
        cuts = [0, *(match.start() + 1 for match in re.finditer(names, text)), len(text)]
        pieces = [text[start:end] for start, end in itertools.pairwise(cuts)]
        first = (self.continuing if continued else self.opening).encode(pieces[0], add_special_tokens=False).ids
        rest = self.continuing.encode_batch_fast(pieces[1:], add_special_tokens=False)
        ids = np.asarray([*first, *(number for encoding in rest for number in encoding.ids)], np.int32)
        left = next((name for number, name in self.special.items() if number in ids), None)
        if left is not None:
            raise Failure(
                f"the tokenizer in '{self.folder}' makes its special token {quote(left)} of a text; take it "
                "out of the data, or write another tokenizer",
                ExitCode.INVALID,
            )
        return ids

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of ids, (tokens,); beginning, end and padding have none, other special tokens their names.

        Raises ValueError on ids out of range.
        """
        values = np.asarray(ids, np.int64).reshape(-1)
        if values.size and (values.min() < 0 or values.max() >= self.vocabulary):
            raise ValueError(f"token ids must lie in 0 … {self.vocabulary - 1}, not {values.min()} … {values.max()}")
        silent = [token.id for token in (self.facts.bos, self.facts.eos, self.facts.pad) if token]
        kept: list[int] = values[~np.isin(values, silent)].tolist()
        return self.opening.decode(kept, skip_special_tokens=False)


def load_huggingface(name: str, add_bos: bool | None = None) -> HuggingFaceTokenizer:
    """Load the tokenizer in a folder; `add_bos` is tokenizer/add_bos.

    Raises Failure as `read_tokenizer_files` does, and INVALID for a tokenizer.json that the library can't load.
    """
    files = read_tokenizer_files(name, add_bos)
    text = _for_text(files)
    opening = _load(files, text)  # first, for it checks what is edited below
    rest = {
        **text,
        "normalizer": _without_prepend(text.get("normalizer")),
        "pre_tokenizer": _without_prefix_space(text.get("pre_tokenizer")),
    }
    continuing = opening if rest == text else _load(files, rest)
    return HuggingFaceTokenizer(files.folder, files.facts, opening, continuing, _special(files))


def _load(files: TokenizerFiles, definition: dict[str, Any]) -> tokenizers.Tokenizer:
    path = f"'{files.folder / TOKENIZER}'"
    try:
        loaded = tokenizers.Tokenizer.from_str(json.dumps(definition))
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":  # of the library's Rust code
            raise
        raise Failure(
            f"the library tokenizers {tokenizers.__version__} can't load {path}: {error}; save the tokenizer again",
            ExitCode.INVALID,
        ) from error
    loaded.encode_special_tokens = True
    for added in files.definition.get("added_tokens") or ():
        number = loaded.token_to_id(added["content"])
        if number != added["id"]:
            raise Failure(
                f"{path} gives the added token {quote(added['content'])} the id {added['id']}, and the library "
                f"tokenizers gives it {number}; save the tokenizer again",
                ExitCode.INVALID,
            )
    return loaded


def _for_text(files: TokenizerFiles) -> dict[str, Any]:
    """The definition of what turns plain text into ids: nothing is added, cut, filled or left to chance."""
    definition, facts = files.definition, files.facts
    special = {token.name for token in (facts.bos, facts.eos, facts.pad) if token}
    added = [
        {**each, "special": each.get("special", False) or each["content"] in special or is_control(each["content"])}
        for each in definition.get("added_tokens") or ()
    ]
    edited = {**definition, "added_tokens": added, "truncation": None, "padding": None, "post_processor": None}
    if "dropout" in definition["model"]:
        edited["model"] = {**definition["model"], "dropout": None}
    return edited


def _without_prepend(normalizer: dict[str, Any] | None) -> dict[str, Any] | None:
    """Leave out the normalizer that puts a space, as a letter, before a text."""
    if normalizer is None or normalizer.get("type") == "Prepend":
        return None
    if normalizer.get("type") != "Sequence":
        return normalizer
    kept = [inner for inner in map(_without_prepend, normalizer["normalizers"]) if inner is not None]
    return {**normalizer, "normalizers": kept}


def _without_prefix_space(splitter: dict[str, Any] | None) -> dict[str, Any] | None:
    """Keep a pre-tokenizer from putting a space before a text.

    One that comes after another in a sequence marks every word so, which says where words begin: it stays.
    """
    if splitter is None:
        return None
    kind = splitter.get("type")
    if kind == "Sequence" and splitter["pretokenizers"]:
        first, *others = splitter["pretokenizers"]
        return {**splitter, "pretokenizers": [_without_prefix_space(first), *others]}
    if kind == "Metaspace":
        older = {"add_prefix_space": False} if "add_prefix_space" in splitter else {}
        return {**splitter, "prepend_scheme": "never", **older}
    return {**splitter, "add_prefix_space": False} if kind == "ByteLevel" else splitter


def _special(files: TokenizerFiles) -> dict[int, str]:
    """The tokens that no text may become: those that are added as special, and those that frame and fill documents.

    What stands for unknown characters is none of them.
    """
    model, facts = files.definition["model"], files.facts
    unknown = {model.get("unk_id"), files.ids.get(model.get("unk_token") or "")}
    added = {
        each["id"]: each["content"]
        for each in files.definition.get("added_tokens") or ()
        if (each.get("special") or is_control(each["content"])) and each["id"] not in unknown
    }
    frame = [facts.eos, *([facts.bos] if facts.bos else []), *([facts.pad] if facts.pad.id not in unknown else [])]
    return added | {token.id: token.name for token in frame}
