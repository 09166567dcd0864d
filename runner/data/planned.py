"""Plans that follow from what token stores hold: stages drawn from their rows.

numpy is loaded when a stage is drawn, and not before: most plans need no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner.data.stores.meta import REMEDY, StoredDocuments, StoreMeta, store_folder, stored_documents
from runner.data.styles import Rows, load_style
from runner.failure import ExitCode, Failure
from schema.check.findings import Unavailable
from schema.environment import Drawn, Split, StageDraw
from schema.environment import Store as KnownStore

if TYPE_CHECKING:  # numpy
    from runner.data.stores.store import Store


def draw_stage(datasets: Sequence[Drawn], seed: int, by_tokens: bool) -> StageDraw:
    """Draw a stage as the loader does, as `Environment.draw` wants it; raises Unavailable where there is no order."""
    from runner.data.token_shares import SizedRows, TokenDraw

    with _unavailable():
        parts = [SizedRows(each.label, cast(Rows, each.rows), each.first_row, seed) for each in datasets]
        return TokenDraw(parts, [each.share for each in datasets], by_tokens)


def rows_of(store: Store, split: str, style: str, block_size: int, on_too_long: str, document_mask: bool) -> Rows:
    """Return the rows of a split, as `schema.environment.Split.open` wants them; raises Unavailable without any."""
    with _unavailable():
        return load_style(style).open_rows(store.splits[split], block_size, on_too_long, document_mask)


def stored_rows(folder: Path, split: str, style: str, block_size: int, on_too_long: str, document_mask: bool) -> Rows:
    """Return the rows of a split of the store in a folder; raises Unavailable where it can't be read."""
    from runner.data.stores.store import open_store

    with _unavailable():
        store = open_store(folder)
    return rows_of(store, split, style, block_size, on_too_long, document_mask)


def known_store(root: str, meta: StoreMeta) -> KnownStore:
    """Return what a lint knows of a store."""
    folder = store_folder(root, meta.name, meta.suffix)
    found = {name: stored_documents(root, meta, name) for name in meta.splits}
    splits = {
        name: Split(each.lengths, partial(_rows, each), partial(stored_rows, folder, name))
        for name, each in found.items()
        if each
    }
    return KnownStore(meta.tokenizer, meta.max_token_id, splits, meta.holds_pairs)


@lru_cache(256)  # several rules ask, and an editor at each key: PACKED takes a second for a million examples
def _rows(documents: StoredDocuments, style: str, block_size: int, on_too_long: str) -> int:
    """Count the rows of a split. Raises Unavailable where its lengths are needed and can't be read."""
    count_rows = load_style(style).count_rows
    try:
        return count_rows(documents, block_size, on_too_long)
    except (OSError, ValueError) as error:
        raise Unavailable("data") from Failure(
            f"token store '{documents.offsets_file.parent}' cannot be read: {error}; {REMEDY}", ExitCode.STORAGE
        )


@contextmanager
def _unavailable() -> Iterator[None]:
    """Give what can't be drawn no number: whoever prepares the data, or compiles the plan, says why."""
    try:
        yield
    except Failure as failure:
        raise Unavailable("data") from failure
