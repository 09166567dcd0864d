"""Padded rows of another program → documents of a token store: what stands between their padding, and their mask.

A row begins, or ends, with its padding: the padding id under a mask that is 0. Everything else of it stays, in its
split, and is trained on where its mask is 1, but for a first token that theseus would predict from padding.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.data.sources import LeftOut
from runner.data.sources.tokens import TokenFiles, mask_of, refusal
from runner.data.stores.encode import Ids, joined
from runner.data.stores.finish import finished
from runner.data.stores.meta import SplitMeta
from runner.data.stores.writer import StoreWriter

LARGEST_AS_UINT16 = 2**16
TOKENS_AT_ONCE = 2**22
NOTHING = "rows in which nothing is trained on"


def copy_rows(
    folder: Path, source: TokenFiles, dtype: str, vocabulary: int
) -> tuple[dict[str, SplitMeta], dict[str, int]]:
    """Write the documents of all rows into a store that is being built; return its splits, and what was left out.

    Raises OSError, and Failure INVALID for an id that the tokenizer does not have, a mask that is neither 0 nor 1, and
    rows that teach nothing.
    """
    skipped = LeftOut()
    with StoreWriter(folder, dtype) as writer:
        for split in source.tokens:
            _copy_split(writer, source, split, vocabulary, skipped)
        writer.close()
    splits = finished(folder, dtype)
    if not splits:
        raise refusal(source.name, f"all {skipped.total:,} rows are masked: there is nothing to train on")
    return splits, skipped.counts()


def _copy_split(writer: StoreWriter, source: TokenFiles, split: str, vocabulary: int, skipped: LeftOut) -> None:
    path, (rows, width) = source.tokens[split], source.widths[split]
    all_ids = np.memmap(path, source.dtype, mode="r", shape=(rows, width))
    all_masks = np.memmap(mask_of(path), np.uint8, mode="r", shape=(rows, width))
    at_once = max(1, TOKENS_AT_ONCE // width)
    for first in range(0, rows, at_once):
        ids, mask = np.array(all_ids[first : first + at_once]), np.array(all_masks[first : first + at_once])
        if mask.max() > 1:
            raise refusal(source.name, f"'{mask_of(path)}' holds {mask.max()}, and a mask is 0 or 1")
        kept = (ids != source.padding) | (mask == 1)  # (rows, width); the others may be padding
        outside = kept & (ids >= vocabulary)
        if outside.any():
            row, column = (int(place) for place in np.argwhere(outside)[0])
            raise refusal(
                source.name,
                f"'{path}' holds id {ids[row, column]:,} in row {first + row:,}, and the tokenizer has ids 0 to "
                f"{vocabulary - 1:,}; write the tokenizer that made these files",
            )
        starts, ends = kept.argmax(1), width - kept[:, ::-1].argmax(1)
        documents, spans = list[Ids](), list[list[tuple[int, int]]]()
        for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            flags = mask[row, start:end] == 1
            if not flags[1:].any():  # the first token is no target
                skipped.add(NOTHING, f"{path.name} {first + row}")
                continue
            edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).reshape(-1, 2).tolist()
            documents.append(ids[row, start:end].astype(np.int32))
            spans.append([(begin, stop) for begin, stop in edges])
        batch = joined(documents, list(map(len, documents)), spans)
        writer.add(batch, np.full(len(documents), split == "val"))
