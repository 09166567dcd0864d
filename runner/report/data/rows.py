"""Rows as a run gives them to the model: their tokens, which of these are targets, and the documents they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runner.data.styles import Part, Rows
from runner.data.tokenizers import Tokenizer
from runner.report.data.pieces import Piece, pieces_of
from schema.formats import json_text

ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row: `number` is its number in the split of its `source`, from 0 on, as a run names rows.

    `tokens` (tokens,) are at most t + 1, and `padding` tokens follow them. `supervised` (tokens,) says which of them
    the model is trained to predict: never the first. `documents` are those that it holds tokens of.
    """

    source: str
    split: str
    number: int
    tokens: list[int]
    supervised: list[bool]
    padding: int
    documents: list[Part]

    def pieces(self, tokenizer: Tokenizer) -> list[list[Piece]]:
        """Return the text of each document of the row in pieces."""
        begins = [max(part.column, 0) for part in self.documents]
        ends = [*begins[1:], len(self.tokens)]
        return [
            list(pieces_of(tokenizer, self.tokens[begin:end], self.supervised[begin:end]))
            for begin, end in zip(begins, ends, strict=True)
        ]

    def to_json(self, tokenizer: Tokenizer) -> str:
        """Return the row as one JSON object on a line; special tokens have their names in its text."""
        text = "".join(piece.text for piece in pieces_of(tokenizer, self.tokens, [False] * len(self.tokens)))
        facts = {"source": self.source, "number": self.number, "tokens": self.tokens, "supervised": self.supervised}
        return json_text(facts | {"text": text}, one_line=True)


def read_rows(source: str, split: str, rows: Rows, numbers: Sequence[int]) -> Iterator[ShownRow]:
    """Yield the rows of these numbers; `source` is what the run calls the dataset, `split` is train or val."""
    for first in range(0, len(numbers), ROWS_AT_ONCE):
        some = numbers[first : first + ROWS_AT_ONCE]
        part = rows.gather(np.array(some, np.int64))
        mask = part.mask()  # (b, t): entry i is of token i + 1
        for place, number in enumerate(some):
            filled = int(part.filled[place])
            yield ShownRow(
                source=source,
                split=split,
                number=number,
                tokens=part.tokens[place, :filled].tolist(),
                supervised=[False, *mask[place, : filled - 1].tolist()],
                padding=part.tokens.shape[1] - filled,
                documents=rows.documents(number),
            )
