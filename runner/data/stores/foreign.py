"""Tokens that another program wrote → token store: the tokens stay where they are, what is beside them is made.

A flat file, also Megatron's, is mapped as it is: its store holds where documents begin, digests and the file's path.
Padded rows are the exception: there padding stands before each row, and a store has none, so that their tokens, and
nothing else, are copied into it. Which tokenizer made the ids nobody can know: that of the spec is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from runner.data.lessons import skipped_sentence
from runner.data.megatron import read_header
from runner.data.sources.tokens import UNCHECKED, TokenFiles, refusal
from runner.data.stores.current import content_digest
from runner.data.stores.files import file_digest
from runner.data.stores.finish import install, remember_stamps
from runner.data.stores.meta import (
    FORMAT,
    Elsewhere,
    FileMeta,
    SplitMeta,
    StoreMeta,
    existing_meta,
    split_file,
    store_folder,
)
from runner.data.stores.padded_rows import LARGEST_AS_UINT16, copy_rows
from runner.data.stores.partial import discard, making, sweep
from runner.data.stores.split import by_place
from runner.data.stores.store import Store, open_store
from runner.data.stores.trained import Trained
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from runner.files.atomic import sync
from runner.files.stamp import stamp_of
from schema.text.wording import count

TOKENS_AT_ONCE = 2**22
SEEN = 1000  # documents whose last token is looked at
LEAST_TOLD = 64  # ids that tell their type
FIRST_IDS = 2**20  # of each file that is not prepared yet

Ids = npt.NDArray[np.integer]
Offsets = npt.NDArray[np.uint64]


class Display(Protocol):
    """Where preparation reports to."""

    def say(self, sentence: str) -> None:
        """Show the user one sentence."""
        ...


def prepare_foreign(
    source: TokenFiles, suffix: str, *, root: str, tokenizer: Tokenizer, progress: Display, trained: Trained | None
) -> Store:
    """Return the store of tokens of another program, made first where it is missing or they changed.

    Files that were moved are looked for where the spec says they are. Raises Failure: INVALID for ids that the
    tokenizer does not have or files that contradict each other; RESUME where the run was `trained` on other tokens;
    STORAGE for a damaged store or a full disk.
    """
    folder = store_folder(root, source.name, suffix)
    sweep(folder)
    meta, stamp = existing_meta(root, source.name, suffix, has_source=True), source.stamp()
    digests = None
    if meta is None or meta.stamp != stamp:  # before they are looked at: what changes meanwhile has another stamp
        digests = source.digests()
    fingerprint = source.fingerprint_of(digests) if digests else meta.source if meta else ""
    if meta is not None and meta.digest == content_digest(fingerprint, None, meta.skipped, tokenizer.fingerprint, ""):
        meta = replace(placed(meta, source), stamp=stamp)
        remember_stamps(folder, meta)
        return open_store(folder, meta)
    if meta is not None and trained is not None and trained.stores.get(folder.name) == meta.digest:
        raise trained.refusal([folder.name])
    if meta is not None:
        changed = "files" if meta.source != fingerprint else "tokenizer"
        progress.say(f"dataset '{source.name}': the {changed} changed since '{folder}' was made; it is made again")
    try:
        wait = f"dataset '{source.name}': another process prepares it; waiting"
        with making(folder, lambda: progress.say(wait)) as partial:
            discard(partial)
            made = _described(partial, source, tokenizer, digests or source.digests(), suffix)
            meta = replace(made, stamp=stamp)
            install(partial, folder, meta)
    except OSError as error:
        raise Failure(f"token store '{folder}' cannot be written: {error.strerror}", ExitCode.STORAGE) from error
    store = open_store(folder)
    for remark in _remarks(source, store, tokenizer):
        progress.say(f"dataset '{source.name}': {remark}")
    if meta.skipped:
        progress.say(skipped_sentence(source.name, meta.skipped))
    return store


def _described(
    partial: Path, source: TokenFiles, tokenizer: Tokenizer, digests: Mapping[str, str], suffix: str
) -> StoreMeta:
    """Make what a store holds beside the tokens, and say what it is. Raises Failure INVALID, and OSError."""
    dtype, elsewhere = source.dtype, dict[str, Elsewhere]()
    skipped: dict[str, int] = {}
    if source.kind == "padded":
        dtype = "<u2" if tokenizer.vocabulary <= LARGEST_AS_UINT16 else "<u4"
        splits, skipped = copy_rows(partial, source, dtype, tokenizer.vocabulary)
    else:
        parts = dict(part for split in source.tokens for part in _parts(source, split, tokenizer, digests))
        splits = {split: _noted(partial, split, part) for split, part in parts.items()}
        elsewhere = {split: Elsewhere(str(part.path.absolute()), part.first_byte) for split, part in parts.items()}
    fingerprint = source.fingerprint_of(digests)
    return StoreMeta(
        format=FORMAT,
        name=source.name,
        suffix=suffix,
        digest=content_digest(fingerprint, None, skipped, tokenizer.fingerprint, ""),
        source=fingerprint,
        stamp="",
        tokenizer=tokenizer.fingerprint,
        chat="",
        vocabulary=tokenizer.vocabulary,
        end=tokenizer.end,
        pad=tokenizer.pad,
        dtype=dtype,
        skipped=skipped,
        splits=splits,
        believed=True,
        elsewhere=elsewhere,
    )


class _Part(NamedTuple):
    """One split of a mapped file: `ids` (tokens,), where its documents begin, (documents + 1,), and the first byte."""

    path: Path
    sha256: str
    ids: Ids
    offsets: Offsets
    first_byte: int


def _parts(source: TokenFiles, split: str, tokenizer: Tokenizer, digests: Mapping[str, str]) -> list[tuple[str, _Part]]:
    """Map the file of a split, and divide it where it is the only one. Raises Failure INVALID, and OSError."""
    path = source.tokens[split]
    sha256 = digests[next(name for name, each in source.files if each == path)]
    ids = np.memmap(path, source.dtype, mode="r")
    _check_ids(source, path, ids, tokenizer.vocabulary)
    if source.kind == "megatron":
        try:
            offsets = _megatron_documents(source.index, ids)
        except ValueError as error:
            raise refusal(source.name, f"'{source.index}' can't be read: {error}") from error
    else:
        offsets = _text_documents(ids, tokenizer.end)
    if len(source.tokens) > 1:
        return [(split, _Part(path, sha256, ids, offsets, 0))]
    divided = by_place(offsets, np.array([0, len(ids)], np.uint64))
    found = []
    for name, part in zip(("train", "val"), divided, strict=True):
        if len(part) > 1:
            start, end = int(part[0]), int(part[-1])
            found.append((name, _Part(path, sha256, ids[start:end], part - part[0], start * ids.itemsize)))
    return found


def check_beginnings(source: TokenFiles, vocabulary: int) -> None:
    """Look at the first ids of each file as preparing looks at all of them. Raises Failure INVALID as that does.

    Of padded rows, whose shape says the width of an id, nothing is looked at.
    """
    try:
        for path in source.tokens.values() if source.kind != "padded" else ():
            _check_ids(source, path, np.memmap(path, source.dtype, mode="r")[:FIRST_IDS], vocabulary)
    except OSError as error:
        raise refusal(source.name, f"'{error.filename}' can't be read: {error.strerror}") from error


def _check_ids(source: TokenFiles, path: Path, ids: Ids, vocabulary: int) -> None:
    """Raise Failure INVALID for an id that the tokenizer does not have, and for ids read as of half their size."""
    for first, piece in _pieces(ids):
        if source.dtype == "<u2" and source.kind == "flat" and not first and len(piece) >= LEAST_TOLD:
            wide = piece[: len(piece) // 2 * 2].view("<u4")
            if wide.max() < vocabulary:
                raise refusal(source.name, f"'{path}' holds ids of 4 bytes; write dtype: uint32", "dtype")
        beyond = np.flatnonzero((piece < 0) | (piece >= vocabulary))
        if len(beyond):
            place, found, last = first + int(beyond[0]), int(piece[beyond[0]]), vocabulary - 1
            message = f"'{path}' holds id {found:,} at place {place:,}, and the tokenizer has ids 0 to {last:,}"
            remedy = "write the tokenizer that made these files"
            if source.kind == "flat" and source.dtype == "<u4" and (ids[: 2**16].view("<u2") < vocabulary).all():
                raise refusal(source.name, f"{message}; ids of 2 bytes would be in it: write dtype: uint16", "dtype")
            raise refusal(source.name, f"{message}; {remedy}")


def _noted(partial: Path, split: str, part: _Part) -> SplitMeta:
    """Write where the documents of a mapped split begin, all of it supervised, and describe it. Raises OSError."""
    spans = np.array([0, len(part.ids)], np.uint64)
    found = part.path.stat()
    files = {"tokens": FileMeta(found.st_size, part.sha256, stamp_of(found))}
    for kind, array in (("offsets", part.offsets), ("supervised", spans)):
        path = split_file(partial, split, kind)
        array.astype("<u8").tofile(path)
        sync(path)
        files[kind] = FileMeta(path.stat().st_size, file_digest(path), stamp_of(path.stat()))
    lengths, documents = np.unique(np.diff(part.offsets), return_counts=True)
    return SplitMeta(
        documents=len(part.offsets) - 1,
        tokens=len(part.ids),
        spans=1,
        supervised=len(part.ids),
        max_token_id=max(int(piece.max()) for _, piece in _pieces(part.ids)),
        lengths=dict(zip(lengths.tolist(), documents.tolist(), strict=True)),
        files=files,
    )


def placed(meta: StoreMeta, source: TokenFiles) -> StoreMeta:
    """Return a store's meta data with the places of its files now, which are known to be the same. Raises OSError."""
    if not meta.elsewhere:
        return meta
    splits, elsewhere = dict(meta.splits), dict(meta.elsewhere)
    for split, found in meta.splits.items():
        path = source.tokens.get(split, source.tokens["train"])  # val may be the end of train.bin
        tokens = replace(found.files["tokens"], stamp=stamp_of(path.stat()))
        splits[split] = replace(found, files={**found.files, "tokens": tokens})
        elsewhere[split] = replace(elsewhere[split], path=str(path.absolute()))
    return replace(meta, splits=splits, elsewhere=elsewhere)


def _remarks(source: TokenFiles, store: Store, tokenizer: Tokenizer) -> list[str]:
    """What a user should know of tokens that nobody could check."""
    remarks = [UNCHECKED]
    if source.kind == "padded":
        return remarks
    found = store.splits["train"]
    last = found.tokens[found.offsets[1 : SEEN + 1].astype(np.int64) - 1]
    other = int(np.count_nonzero(last != tokenizer.end))
    end = f"the tokenizer's end of text ({tokenizer.end})"
    if source.kind == "megatron" and other:
        remarks.append(
            f"{other:,} of its first {count(len(last), 'document')} do not end with {end}: PMD runs them together"
        )
    if source.kind == "flat" and found.meta.documents == 1:
        remarks.append(f"train.bin holds one document: {end} stands nowhere in it, or only at its end")
    if len(source.tokens) == 1 and "val" in store.splits:
        remarks.append("its end is kept for validation, for there is no file for that")
    return remarks


def _pieces(ids: Ids) -> Iterator[tuple[int, Ids]]:
    """Yield the place of each piece of a mapped file, and the piece as an array in memory."""
    for first in range(0, len(ids), TOKENS_AT_ONCE):
        yield first, np.array(ids[first : first + TOKENS_AT_ONCE])


def _text_documents(ids: Ids, end: int) -> Offsets:
    """Return where documents begin that end with this token, and the end of the last, (documents + 1,)."""
    found = [np.zeros(1, np.uint64)]
    found += [(np.flatnonzero(piece == end) + first + 1).astype(np.uint64) for first, piece in _pieces(ids)]
    offsets = np.concatenate(found)
    return offsets if offsets[-1] == len(ids) else np.append(offsets, np.uint64(len(ids)))


def _megatron_documents(index: Path, ids: Ids) -> Offsets:
    """Return where the documents of Megatron's index begin, and the end of the last, (documents + 1,).

    Empty ones are none. Raises OSError, and ValueError with a reason where the index is not that of these ids.
    """
    header = read_header(index)
    lengths = np.fromfile(index, "<i4", header.sequences, offset=header.lengths_at)
    pointers = np.fromfile(index, "<i8", header.sequences, offset=header.pointers_at)
    boundaries = np.fromfile(index, "<i8", header.boundaries, offset=header.boundaries_at)
    if (lengths < 0).any():
        raise ValueError("it has a sequence of negative length")
    ends = np.cumsum(lengths, dtype=np.int64)
    if pointers[0] != 0 or (pointers[1:] != ends[:-1] * ids.itemsize).any():
        raise ValueError("its sequences do not follow one another in the .bin")
    if ends[-1] != len(ids):
        raise ValueError(f"its sequences have {ends[-1]:,} tokens, and the .bin has {len(ids):,}")
    if boundaries[0] != 0 or boundaries[-1] != header.sequences or (np.diff(boundaries) < 0).any():
        raise ValueError("its documents are not all of its sequences in order")
    starts = np.concatenate([np.zeros(1, np.int64), ends])  # (sequences + 1,)
    return np.unique(starts[boundaries]).astype(np.uint64)
