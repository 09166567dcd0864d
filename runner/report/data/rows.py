"""Rows as a run gives them to the model: their tokens, which of these are targets, and the documents they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.data.styles import Part, Rows
from runner.data.tokenizers import Tokenizer
from runner.report.data.pieces import Piece, pieces_of
from schema.formats import json_text

ROWS_AT_ONCE = 64
SIDES = ("chosen", "rejected")


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
        return [self.between(tokenizer, begin, end) for begin, end in zip(begins, ends, strict=True)]

    def between(self, tokenizer: Tokenizer, begin: int, end: int) -> list[Piece]:
        """Return the text of the tokens `begin` to before `end` in pieces."""
        return list(pieces_of(tokenizer, self.tokens[begin:end], self.supervised[begin:end]))

    def facts(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Return its tokens, which of them are targets, and its text, in which special tokens have their names."""
        text = "".join(piece.text for piece in pieces_of(tokenizer, self.tokens, [False] * len(self.tokens)))
        return {"tokens": self.tokens, "supervised": self.supervised, "text": text}

    def to_json(self, tokenizer: Tokenizer) -> str:
        """Return the row as one JSON object on a line."""
        return json_text({"source": self.source, "number": self.number} | self.facts(tokenizer), one_line=True)


@dataclass(frozen=True, slots=True)
class ShownPair:
    """One row of two sides, each of which is shown as a row of this number."""

    chosen: ShownRow
    rejected: ShownRow

    @property
    def prompt_tokens(self) -> int:
        """How many tokens both sides begin with, in front of what either is trained on."""
        sides = (self.chosen, self.rejected)
        ends = [side.supervised.index(True) if any(side.supervised) else len(side.tokens) for side in sides]
        pairs = enumerate(zip(self.chosen.tokens, self.rejected.tokens, strict=False))
        return min(*ends, next((place for place, (one, other) in pairs if one != other), min(ends)))

    def to_json(self, tokenizer: Tokenizer) -> str:
        """Return both sides in one JSON object on a line."""
        sides = {side: getattr(self, side).facts(tokenizer) for side in SIDES}
        return json_text({"source": self.chosen.source, "number": self.chosen.number} | sides, one_line=True)


def read_rows(source: str, split: str, rows: Rows, numbers: Sequence[int]) -> Iterator[ShownRow | ShownPair]:
    """Yield the rows of these numbers; `source` is what the run calls the dataset, `split` is train or val."""
    for first in range(0, len(numbers), ROWS_AT_ONCE):
        some = numbers[first : first + ROWS_AT_ONCE]
        part = rows.gather(np.array(some, np.int64))
        mask = part.mask()  # (b, t): entry i is of token i + 1
        for place, number in enumerate(some):
            documents = rows.documents(number)
            shown = []
            for side in range(rows.sides):
                sequence = place * rows.sides + side
                filled = int(part.filled[sequence])
                shown.append(
                    ShownRow(
                        source=source,
                        split=split,
                        number=number,
                        tokens=part.tokens[sequence, :filled].tolist(),
                        supervised=[False, *mask[sequence, : filled - 1].tolist()],
                        padding=part.tokens.shape[1] - filled,
                        documents=documents if rows.sides == 1 else documents[side : side + 1],
                    )
                )
            yield shown[0] if rows.sides == 1 else ShownPair(*shown)
