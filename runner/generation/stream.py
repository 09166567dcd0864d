"""Text of ids as they come: a piece is given out once nothing that follows can change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

INCOMPLETE = "\ufffd"  # what a decoder writes for bytes that are no character, or none yet
LONGEST = 3  # bytes of a character that may still miss the last one


class TextStream:
    """Turns ids into pieces of text; together they are the text that `decode` makes of all ids.

    A character may take several tokens, as bytes do: it is held back until it is whole.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []  # since the last line that was given out whole
        self._shown = ""  # of their text

    def push(self, number: int) -> str:
        """Take the next id; return the text that is certain now, perhaps none."""
        self._ids.append(number)
        text = self._decode(self._ids)
        held = len(text) - len(text.rstrip(INCOMPLETE))
        certain = text[: len(text) - min(held, LONGEST)]
        # Where bytes stand for themselves, an unfinished character may make the whole run of them unreadable.
        if not certain.startswith(self._shown):
            return ""
        piece = certain[len(self._shown) :]
        self._shown = certain
        if certain == text and text.endswith("\n"):  # few ids to decode again, whatever the length of the text
            self._ids = [number]
            self._shown = self._decode(self._ids)
        return piece

    def end(self) -> str:
        """Return the rest: what was held back, and stays no character."""
        text = self._decode(self._ids)
        return text[len(self._shown) :] if text.startswith(self._shown) else INCOMPLETE
