"""One entry of a data mixture: which dataset, at what rate, laid out in which style."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schema.section import Section, key


class DatasetStyle(StrEnum):
    """How rows of `block_size` tokens are cut from a dataset; one file of `runner/data/styles` each."""

    PADDED = "PADDED"  # one example a row, padded on the right, with a loss mask
    PACKED = "PACKED"  # several examples a row, each a segment of its own, with the loss mask of PADDED
    PMD = "PMD"  # a flat token file, cut into blocks; every position is supervised
    CONTRASTIVE = "CONTRASTIVE"  # a prompt with a chosen and a rejected answer: two sequences a row


class Sampling(Section):
    """One dataset of a mixture. The rates of a mixture add up to 1 and are shares of its rows."""

    name: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        description="Name of a built-in dataset, of an entry of data/sources, or of a store under data/root.",
        json_schema_extra={"change": "forward-only"},
    )
    rate: float = Field(
        description="Share of the mixture's rows that come from this dataset.",
        json_schema_extra={"change": "forward-only", "unit": "share"},
    )
    style: DatasetStyle = Field(
        default=DatasetStyle.PADDED,
        strict=False,
        description="How rows are cut from the dataset.",
        json_schema_extra={"change": "forward-only", "any_case": True},
    )
    suffix: str = key(
        "",
        "Appended to the name of the dataset's folder as _suffix.",
        pattern=r"^[A-Za-z0-9._-]*$",
        change="forward-only",
    )
    document_mask: bool = key(
        False,
        "Whether tokens of a PMD row attend to their own document only, with positions that begin anew in each.",
        change="forward-only",
    )
