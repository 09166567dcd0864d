"""Values that begin with a sign of YAML's and are meant as text: patterns such as *.txt, [ab].txt and {a,b}/x.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from schema.check.findings import Problem
from schema.text.diagnostic import Origin
from schema.text.source import point

# Where a value begins: behind a key, in a list, behind a dash.
VALUE = re.compile(r"(?:: +|[\[,] *|^\s*(?:- +)+)(?=[*?%@`\[{])")
ALIAS = re.compile(r"\*[\w-]+")
OPENING, CLOSING = "[{", "]}"
SIGNS = {"*": "an alias", "?": "a key", "[": "a list", "{": "a mapping"}  # what they begin; others are reserved


class Unquoted(NamedTuple):
    """A value in a line: its text, and where it begins and ends."""

    text: str
    start: int
    end: int

    @property
    def quoted(self) -> str:
        """The value in quotation marks, in which nothing has another meaning."""
        return f"'{self.text}'"

    @property
    def meaning(self) -> str:
        """What YAML takes its first sign for."""
        return SIGNS.get(self.text[0], "reserved")


def find_unquoted(line: str) -> Iterator[Unquoted]:
    """Yield the values of a line that begin with a sign, and are no list, no mapping and no alias."""
    for found in VALUE.finditer(line):
        start = found.end()
        before = line[:start]
        flow = before.count("{") + before.count("[") > before.count("}") + before.count("]")
        end = _end(line, start, flow=flow)
        text = line[start:end].rstrip()
        if _is_text(text):
            yield Unquoted(text, start, start + len(text))


def with_quotes(line: str, values: list[Unquoted]) -> str:
    """Return a line with quotation marks around these values."""
    for value in reversed(values):
        line = f"{line[: value.start]}{value.quoted}{line[value.end :]}"
    return line


def explained_argument(problem: Problem, origin: Origin) -> Problem:
    """The problem of a --set argument, whose value may be a pattern or text of another kind."""
    key, _, text = origin.lines[0].partition("=")
    value = next(find_unquoted(f"value: {text}"), None)
    if value is None or value.text != text:
        return problem
    message = f"a value that begins with {text[0]} is {value.meaning} in YAML"
    remedy = f'quote it, for the shell and for YAML: --set "{key}={value.quoted}"'
    return Problem(problem.slug, (), point(origin, 1, len(key) + 2), message, remedy)


def _end(line: str, start: int, *, flow: bool) -> int:
    """Where a value ends: at a comma or bracket that isn't its own, at a comment, or with its line."""
    depth = 0
    for index in range(start, len(line)):
        letter = line[index]
        if letter == "#" and line[index - 1] == " ":
            return index
        if letter in OPENING:
            depth += 1
        elif letter in CLOSING and depth:
            depth -= 1
        elif flow and not depth and letter in f",{CLOSING}":
            return index
    return len(line)


def _is_text(text: str) -> bool:
    """Whether a value can't be what its first sign says: something stands right behind its brackets, or no name."""
    if not text or "'" in text or ": " in text or text.startswith("? ") or ALIAS.fullmatch(text):
        return False
    if text[0] not in OPENING:
        return True
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter in OPENING) - (letter in CLOSING)
        if not depth:
            behind = text[index + 1 : index + 2]
            return bool(behind) and not behind.isspace() and behind not in f",;{CLOSING}"
    return False
