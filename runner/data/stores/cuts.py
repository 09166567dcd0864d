"""Where a long text is cut so that the ids of its parts, one after the other, are those of the whole.

Tokenizers look at words. A cut is made between two of them, behind a letter and before what is none, far from where
more text may follow; and only where the tokenizer, asked for the neighbourhood of the cut, makes the same of both
halves as of the whole. A text in which no such place comes for MOST_UNCUT characters is cut where these end: its parts
still are its text, though their ids may not be those of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np

from runner.data.sources import PIECE_CHARACTERS
from runner.data.tokenizers import Tokenizer

CONTEXT = 1024  # characters on each side of a cut that a tokenizer is asked about
MOST_UNCUT = 2**19
# Cuts, the best kind first: before the blank between two words, behind the end of a line, behind any word.
KINDS = tuple(map(re.compile, (r"[^\W\d_](?= [^\W\d_])", r"\n(?=\S)", r"[^\W\d_](?=[^\w])")))
MOST_TRIED = 8  # of each kind


class Cutter:
    """Cuts one text, which comes in pieces, at places that depend on the text alone; holds little more than a window.

    `continued` says that the text stands behind another one.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, continued: bool = False, window: int = PIECE_CHARACTERS, context: int = CONTEXT
    ) -> None:
        self._tokenizer, self._window, self._context = tokenizer, window, context
        self._most = window * (MOST_UNCUT // PIECE_CHARACTERS)
        self._text, self._continued = "", continued

    def add(self, text: str, *, is_last: bool) -> Iterator[tuple[str, bool]]:
        """Yield the parts that end in what has come so far, each with whether it continues another one."""
        self._text += text
        while cut := self._cut():
            yield self._part(cut)
        if is_last and self._text:
            yield self._part(len(self._text))

    def _part(self, end: int) -> tuple[str, bool]:
        part = self._text[:end], self._continued
        self._text, self._continued = self._text[end:], True
        return part

    def _cut(self) -> int:
        """The place of the next cut; 0 where the text ends before, or more of it must be seen."""
        if len(self._text) < self._window:
            return 0
        cut = safe_cut(self._text[: self._window], self._tokenizer, self._context)
        if not cut and len(self._text) >= self._most:
            cut = safe_cut(self._text[: self._most], self._tokenizer, self._context) or self._most
        return cut


def safe_cut(text: str, tokenizer: Tokenizer, context: int = CONTEXT) -> int:
    """Return a late place in a text, of which more may follow, where it may be cut; 0 where there is none."""
    for kind in KINDS:
        for cut in islice(_backwards(kind, text, context), MOST_TRIED):
            if _is_safe(text[cut - context : cut + context], context, tokenizer):
                return cut
    return 0


def _backwards(kind: re.Pattern[str], text: str, context: int) -> Iterator[int]:
    """Yield where a text may be cut, from its end on, with its neighbourhood on both sides."""
    end, span = len(text) - context, 4 * context
    while end > context:
        first = max(context, end - span)
        yield from reversed([match.end() for match in kind.finditer(text, first, end) if match.end() < end])
        end, span = first, 4 * span


def _is_safe(text: str, cut: int, tokenizer: Tokenizer) -> bool:
    whole, left, right = tokenizer.encode_batch([text, text[:cut], text[cut:]], continued=True)
    return np.array_equal(whole, np.concatenate([left, right]))
