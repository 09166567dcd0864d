"""Token ids as text: pieces of tokens that are alike, special tokens by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from runner.data.tokenizers import Tokenizer

HALF = "\N{REPLACEMENT CHARACTER}"  # what a decoder makes of the beginning of a letter


class Piece(NamedTuple):
    """The text of one special token, or of neighbours that are none and are all supervised, or all not."""

    text: str
    special: bool
    supervised: bool


def pieces_of(tokenizer: Tokenizer, tokens: Sequence[int], supervised: Sequence[bool]) -> Iterator[Piece]:
    """Yield tokens, (tokens,), as text. A letter that two pieces share stands in the second."""
    names = tokenizer.special
    for is_special, stretch in groupby(range(len(tokens)), lambda place: tokens[place] in names):
        if is_special:
            yield from (Piece(names[tokens[place]], True, supervised[place]) for place in stretch)
        else:
            yield from _decoded(tokenizer, tokens, supervised, list(stretch))


def _decoded(
    tokenizer: Tokenizer, tokens: Sequence[int], supervised: Sequence[bool], places: Sequence[int]
) -> Iterator[Piece]:
    """Yield the pieces of a stretch without special tokens."""
    # A decoder may drop the space before the first word of what it is given. So the stretch is decoded up to the end
    # of each piece, and what was shown of it before is taken away.
    before = ""
    for learned, run in groupby(places, supervised.__getitem__):
        own = list(run)
        text = tokenizer.decode(tokens[places[0] : own[-1] + 1])
        if own[-1] != places[-1]:
            text = text.rstrip(HALF)
        rest = text.removeprefix(before) if text.startswith(before) else tokenizer.decode(tokens[own[0] : own[-1] + 1])
        yield Piece(rest, False, learned)
        before = text
