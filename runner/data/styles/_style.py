"""What a style reads of a store and returns to the mixture: the types and the mask of a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Packing(Protocol):
    """Which documents share a row, as somebody noted it: the number of rows, and the documents of each."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    def arrays(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]] | None:
        """Where each row begins in the list of documents, and its end, (rows + 1,); that list, (documents,).

        None where what was noted can't be read any more.
        """
        ...


class PairLengths(NamedTuple):
    """What counting rows may read of pairs of documents, neighbours in a split.

    `longest` says of how many pairs the longer side has which length in tokens, `apart` how many pairs begin to differ
    at which token, counted from 0.
    """

    longest: Mapping[int, int]
    apart: Mapping[int, int]


class Documents(Protocol):
    """What counting rows may read of a split: lengths, no tokens.

    PMD and PADDED count from `lengths` alone. PACKED needs `in_order`, or the `packing` that was made of it: the number
    of its rows depends on which documents are neighbours, which a histogram does not hold.
    """

    @property
    def lengths(self) -> Mapping[int, int]:
        """How many documents have which length, in tokens."""
        ...

    @property
    def pairs(self) -> PairLengths | None:
        """The lengths of pairs, where documents 2i and 2i + 1 are two answers to one prompt; else None."""
        ...

    def in_order(self) -> Iterable[int]:
        """Length of each document in tokens, in the order of the store; reads 8 bytes a document."""
        ...

    def packing(self, width: int, drop: bool) -> Packing | None:
        """Return which documents share a row of `width` tokens; None where nobody has noted it."""
        ...


class TokenSplit(Documents, Protocol):
    """One split of a token store: a flat token file and where its documents begin."""

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        ...

    @property
    def split(self) -> str:
        """`train` or `val`."""
        ...

    @property
    def pad(self) -> int:
        """Token id that fills a row."""
        ...

    @property
    def tokens(self) -> npt.NDArray[np.unsignedinteger]:
        """All documents one after the other, (tokens,)."""
        ...

    @property
    def offsets(self) -> npt.NDArray[np.uint64]:
        """Where each document begins, and the end of the last, (documents + 1,)."""
        ...

    @property
    def supervised(self) -> npt.NDArray[np.uint64]:
        """Where supervised spans of tokens begin and end, in turn, (2 · spans,); see `runner/data/spans`."""
        ...


class Gathered(NamedTuple):
    """Rows as arrays: `tokens` (b, t + 1), whether a token is `supervised` as a target (b, t + 1), where None is all of
    them, and the number of a row's tokens without padding, `filled` (b,).

    Those of a segmented dataset have `positions` (b, t + 1), each token's place within its segment, and `segments`
    (b, t + 1), the number of its segment; padding is its own segment. Which are, `schema.budget.dataset_names` says.
    Where rows have two `sides`, those of one row are neighbours in every array, and b counts sequences.
    """

    tokens: npt.NDArray[np.int32]
    supervised: npt.NDArray[np.bool_] | None
    filled: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int32] | None = None
    segments: npt.NDArray[np.int32] | None = None

    @property
    def all_supervised(self) -> bool:
        """Whether every target is supervised."""
        return self.supervised is None and self.segments is None

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return where a target is supervised, (b, t): never at a segment's first token."""
        import numpy as np  # here, because the planner counts rows without numpy

        # Token i + 1 is predicted from token i, which must be of its segment.
        supervised = np.ones(1, np.bool_) if self.supervised is None else self.supervised[:, 1:]
        if self.segments is not None:
            return supervised & (self.segments[:, 1:] == self.segments[:, :-1])
        return np.broadcast_to(supervised, self.tokens[:, 1:].shape)


class RowSizes(NamedTuple):
    """What rows count in a ledger, (m,) each: `tokens` are their inputs that are no padding, at most t, and
    `supervised` their targets that are trained on.
    """

    tokens: npt.NDArray[np.int64]
    supervised: npt.NDArray[np.int64]


class Part(NamedTuple):
    """A document in a row: its number in the split, the column where it begins, its length in tokens.

    The column is negative where the row holds no beginning of it; it may end behind the row.
    """

    document: int
    column: int
    length: int


class Lost(NamedTuple):
    """What no row of a split holds: the rest of `cut` rows, whole `documents`, and `tokens` of both and of an end."""

    cut: int = 0
    documents: int = 0
    tokens: int = 0


class Rows(Protocol):
    """Random access to the rows of one split in one style, in the order of the store."""

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        ...

    @property
    def block_size(self) -> int:
        """t: a row holds t + 1 tokens, t inputs and as many targets."""
        ...

    @property
    def pad(self) -> int:
        """Token id that fills a row."""
        ...

    @property
    def sides(self) -> int:
        """How many sequences of t + 1 tokens a row is."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences about what was cut or left out."""
        ...

    @property
    def lost(self) -> Lost:
        """What no row holds."""
        ...

    def __len__(self) -> int: ...

    def gather(self, indices: npt.NDArray[np.int64]) -> Gathered:
        """Return the rows at these indices, (b,), each in 0 … len - 1. Safe to call from several threads."""
        ...

    def sizes(self, indices: npt.NDArray[np.int64]) -> RowSizes:
        """Return the sizes of the rows at these indices, (m,), as `gather` gives them, without reading a token."""
        ...

    def documents(self, index: int) -> list[Part]:
        """Return the documents that the row at an index holds tokens of, in the order of the row."""
        ...


class Style(Protocol):
    """A module of `runner.data.styles`."""

    def count_rows(self, documents: Documents, block_size: int, on_too_long: str) -> int:
        """Return how many rows a split has that holds these documents."""
        ...

    def open_rows(self, split: TokenSplit, block_size: int, on_too_long: str, document_mask: bool = False) -> Rows:
        """Bind the style to a split. Raises Failure (INVALID) when the split has no row."""
        ...
