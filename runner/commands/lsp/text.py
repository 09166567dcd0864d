"""A text that is open in an editor, and its places: the linter counts characters from 1, a client units from 0."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lsprotocol import types

from schema.text.diagnostic import Span

BYTE_ORDER_MARK = "\ufeff"
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of a text, and the unit in which the client counts letters: utf-8, utf-16 or utf-32.

    `source` and `lines` are without a byte order mark, which the client counts and the linter does not.
    """

    whole: str
    unit: str
    source: str = field(init=False)
    lines: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        source = self.whole.removeprefix(BYTE_ORDER_MARK)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "lines", tuple(re.split(r"\r\n|\n|\r", source)))

    def to_client(self, line: int, column: int) -> types.Position:
        """Turn a line and a column from 1 into a position of the client; what lies behind the end becomes the end."""
        if line > len(self.lines):
            line, column = len(self.lines), len(self.lines[-1]) + 1
        return types.Position(line - 1, self._skipped(line - 1) + self._width(self.lines[line - 1][: column - 1]))

    def from_client(self, position: types.Position) -> tuple[int, int]:
        """Turn a position of the client into a line and a column from 0, in characters."""
        line = self.lines[position.line] if position.line < len(self.lines) else ""
        wanted = position.character - self._skipped(position.line)
        column = 0
        for letter in line:
            wanted -= self._width(letter)
            if wanted < 0:
                break
            column += 1
        return position.line, column

    def range_of(self, span: Span) -> types.Range:
        """Turn a span into a range of the client."""
        return types.Range(self.to_client(span.line, span.column), self.to_client(span.end_line, span.end_column))

    def _skipped(self, line: int) -> int:
        """The units before a line, from 0, begins."""
        return self._width(BYTE_ORDER_MARK) if line == 0 and self.whole is not self.source else 0

    def _width(self, text: str) -> int:
        encoding, size = UNITS[self.unit]
        return len(text.encode(encoding, "surrogatepass")) // size
