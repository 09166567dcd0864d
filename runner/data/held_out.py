"""Validation without the documents that the run trains on: those of one source may be in another one, too.

Text is divided by its content, alike in every source, so that no source trains on what another one validates on. Small
sets, own validation files and the tokens of other programs are divided otherwise. Their documents are compared by their
tokens with those of the other sources, and what is found on both sides is left out of validation.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from runner.data.stores.pairs import longest_sides, places_apart
from runner.data.stores.split import Run, spans_of_runs
from runner.data.stores.store import OFFSET_DTYPE, Split, Store
from runner.data.styles import PairLengths
from runner.failure import ExitCode, Failure

# Of so many documents some have a digest that falls on val, all but certainly: none is chosen otherwise.
LARGE = 4096
DOCUMENTS_AT_ONCE = 2**16
PROBES = 4  # tokens of a document that are compared before all of them are
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying mixes and loses nothing

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def held_out(stores: Mapping[str, Store], own_validation: Collection[str]) -> tuple[dict[str, Split], list[str]]:
    """Return the validation split of each store that has one, by folder, and a sentence on what is left out of each.

    `own_validation` are the names of the datasets whose sources say what is validated on. Raises Failure INVALID where
    nothing is left of a split.
    """
    found, remarks = dict[str, Split](), list[str]()
    irregular = {folder for folder, store in stores.items() if not _is_regular(store, own_validation)}
    for folder, store in stores.items():
        split = store.split("val")
        if split is None:
            continue
        trained, sources = np.zeros(len(split.offsets) - 1, np.bool_), list[str]()
        for other, beside in stores.items():
            # Within a source, copies are on one side, but for the tokens of other programs.
            if beside.meta.believed if other == folder else {folder, other} & irregular:
                shared = _shared(split, beside.splits["train"])
                sources += [beside.name] if shared.any() else []
                trained |= shared
        found[folder] = split
        if trained.any():
            trained = _whole_pairs(trained) if split.pairs is not None else trained
            remarks.append(_sentence(store, trained, sources))
            found[folder] = without(split, trained)
    return found, remarks


def _is_regular(store: Store, own_validation: Collection[str]) -> bool:
    """Whether the digest of each document alone says where it belongs."""
    is_large = store.splits["train"].meta.documents >= LARGE
    return is_large and not store.meta.believed and store.name not in own_validation


def _sentence(store: Store, trained: Flags, sources: list[str]) -> str:
    """Say what is left out; raises Failure INVALID where that is all."""
    where = " and ".join(f"'{name}'" for name in sources)
    if trained.all():
        raise Failure(
            f"dataset '{store.name}' has no validation of its own: {where} trains on all {len(trained):,} of its "
            "validation documents; give it other text, or set training/validation and training/evaluate to false",
            ExitCode.INVALID,
        )
    left = int(trained.sum())
    return (
        f"dataset '{store.name}': {left:,} of {len(trained):,} validation documents {'is' if left == 1 else 'are'} "
        f"left out, which {where} trains on"
    )


def _whole_pairs(trained: Flags) -> Flags:
    """Leave a pair out where one of its sides is."""
    return np.repeat(trained.reshape(-1, 2).any(axis=1), 2)


def _shared(split: Split, other: Split) -> Flags:
    """Say which documents of a split have the tokens of one of the other: (documents of the split,)."""
    own = np.concatenate([_marks(split, numbers) for numbers in _parts(split)])
    wanted, lengths = np.unique(own), np.unique(np.diff(split.offsets))
    digests, likely = set[bytes](), np.zeros(len(wanted), np.bool_)
    for part in _parts(other):
        # Of documents of another length no token is read: they may be more than memory holds.
        numbers = part[np.isin(np.diff(other.offsets[part[0] : part[-1] + 2]), lengths)]
        places = np.minimum(np.searchsorted(wanted, marks := _marks(other, numbers)), len(wanted) - 1)
        alike = wanted[places] == marks
        likely[places[alike]] = True
        digests.update(_digest(other, number) for number in numbers[alike].tolist())
    candidates = np.flatnonzero(likely[np.searchsorted(wanted, own)])
    found = np.zeros(len(own), np.bool_)
    found[[number for number in candidates.tolist() if _digest(split, number) in digests]] = True
    return found


def _parts(split: Split) -> Iterator[Numbers]:
    """The numbers of all documents, so many at a time."""
    documents = len(split.offsets) - 1
    for first in range(0, documents, DOCUMENTS_AT_ONCE):
        yield np.arange(first, min(documents, first + DOCUMENTS_AT_ONCE), dtype=np.int64)


def _marks(split: Split, numbers: Numbers) -> Words:
    """Mix the length and some tokens of each of these documents: equal documents have equal marks."""
    starts, ends = (split.offsets[each].astype(np.int64) for each in (numbers, numbers + 1))
    lengths = ends - starts
    mixed = lengths.astype(np.uint64) * FACTOR
    for probe in range(PROBES):
        place = starts + (lengths - 1).clip(min=0) * probe // PROBES
        mixed = (mixed ^ split.tokens[place.clip(max=len(split.tokens) - 1)].astype(np.uint64)) * FACTOR
    return mixed


def _digest(split: Split, number: int) -> bytes:
    tokens = split.tokens[int(split.offsets[number]) : int(split.offsets[number + 1])]
    return hashlib.blake2b(tokens.astype("<u4").tobytes(), digest_size=16).digest()


def without(split: Split, left_out: Flags) -> Split:
    """Return a split, in memory, without some of its documents, (documents,); at least one stays."""
    offsets = split.offsets.astype(np.int64)
    lengths = np.diff(offsets)
    kept = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[~left_out])]).astype(OFFSET_DTYPE)
    tokens = split.tokens[np.repeat(~left_out, lengths)]
    runs = [Run(int(offsets[number]), int(offsets[number + 1]), split.split) for number in np.flatnonzero(~left_out)]
    spans = spans_of_runs(split.supervised, runs)
    # The packings beside the store are of other offsets, as their digest says.
    files = {**split.meta.files}
    files["offsets"] = replace(files["offsets"], sha256=hashlib.sha256(kept.tobytes()).hexdigest())
    meta = replace(
        split.meta,
        documents=len(kept) - 1,
        tokens=len(tokens),
        spans=len(spans) // 2,
        supervised=int((spans[1::2] - spans[::2]).sum()),
        lengths=dict(sorted(Counter(lengths[~left_out].tolist()).items())),
        files=files,
        pairs=None if split.pairs is None else PairLengths(longest_sides(kept), places_apart(tokens, kept)),
    )
    return replace(split, meta=meta, tokens=tokens, offsets=kept, supervised=spans)
