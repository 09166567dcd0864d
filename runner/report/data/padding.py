"""How much of a dataset's rows is padding, and how much it would be in the other style of whole examples."""

from __future__ import annotations

from functools import partial

from runner.data.styles import load_style
from runner.report.data.sources import SourceRows
from runner.report.data.totals import Totals
from schema.environment import Split

OTHER = {"PADDED": "PACKED", "PACKED": "PADDED"}
LEAST_SAID = 0.25  # of the inputs of PADDED rows
MOST_LEFT = 0.75  # of their padding, in PACKED rows
MOST_PACKED = 2**20  # examples, in about a second


def padding_sentence(source: SourceRows, totals: Totals) -> str | None:
    """Say the share of padding in the training rows of a dataset, counted in one pass, and in those of its other style.

    None where that is nothing to think about.
    """
    rows, other = source.rows["train"], OTHER.get(source.style)
    inputs = len(rows) * rows.block_size
    share = totals.padding / inputs
    if other is None or (source.style == "PADDED" and share < LEAST_SAID):
        return None
    sentence = f"{100 * share:.3g} % of the inputs of training rows are padding"
    stored = source.store.splits["train"]
    if other == "PACKED" and stored.meta.documents > MOST_PACKED:
        return f"{sentence}; PACKED puts several examples into a row"
    split = Split(stored.lengths, partial(_count, source))
    on_too_long = "drop" if rows.lost.documents else "truncate"
    would_be = split.padding(other, rows.block_size, on_too_long)
    if other == "PACKED" and would_be > MOST_LEFT * share:
        return None
    return f"{sentence}; with style {other} it would be {100 * would_be:.3g} %"


def _count(source: SourceRows, style: str, block_size: int, on_too_long: str) -> int:
    return load_style(style).count_rows(source.store.splits["train"], block_size, on_too_long)
