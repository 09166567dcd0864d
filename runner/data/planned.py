"""Plans that follow from what token stores hold: stages drawn from their rows.

numpy is loaded when a stage is drawn, and not before: most plans need no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runner.data.styles import Rows, load_style
from runner.failure import Failure
from schema.check.findings import Unavailable
from schema.environment import Drawn, StageDraw

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


@contextmanager
def _unavailable() -> Iterator[None]:
    """Give what can't be drawn no number: whoever prepares the data, or compiles the plan, says why."""
    try:
        yield
    except Failure as failure:
        raise Unavailable("data") from failure
