"""Stores that are written by hand, document by document, and the split that a text belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from runner.data.stores.encode import joined
from runner.data.stores.finish import finished, install
from runner.data.stores.meta import FORMAT, SplitMeta, StoreMeta
from runner.data.stores.partial import making
from runner.data.stores.writer import StoreWriter, is_validation
from runner.data.tokenizers.byte import ByteTokenizer

Ids = npt.NDArray[np.int32]
Spans = Sequence[tuple[int, int]]


def write_documents(folder: Path, documents: Sequence[tuple[Ids, Spans]]) -> dict[str, SplitMeta]:
    """Write documents of train into a folder, in two batches, and give val its share."""
    with StoreWriter(folder, "<u2") as writer:
        for part in (documents[:1], documents[1:]):
            if part:
                ids, spans = zip(*part, strict=True)
                batch = joined(ids, list(map(len, ids)), spans)
                writer.add(batch, np.zeros(len(part), np.bool_))
        writer.close()
    return finished(folder, "<u2")


def install_store(
    folder: Path,
    documents: Sequence[tuple[Ids, Spans]],
    *,
    tokenizer: str = ByteTokenizer().fingerprint,
    vocabulary: int = 258,
) -> None:
    """Install a store of documents for which no source is known."""
    with making(folder, lambda: None) as partial:
        splits = write_documents(partial, documents)
        made_of = "0" * 64, "made", "", tokenizer, ""
        byte = ByteTokenizer()
        meta = StoreMeta(FORMAT, folder.name, "", *made_of, vocabulary, byte.end, byte.pad, "<u2", {}, splits)
        install(partial, folder, meta)


def belongs_to_val(text: str) -> bool:
    """Whether a text belongs to val."""
    digest = hashlib.sha256(text.encode()).digest()
    return bool(is_validation(np.frombuffer(digest, np.uint8).reshape(1, -1))[0])
