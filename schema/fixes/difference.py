"""What a fix changes, as a unified diff that `patch` and `git apply` take."""

from __future__ import annotations

import re
from difflib import unified_diff

ADDED, REMOVED, PLACE = "32", "31", "36"


def difference(name: str, before: str, after: str) -> str:
    """Return the changes of a file, empty when there are none; lines end as they end in the file."""
    lines = unified_diff(_lines(before), _lines(after), name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def tinted(diff: str) -> str:
    """Colour the lines of a diff for a terminal, on which nothing else in them acts."""
    return "".join(_tinted(line.removesuffix("\r")) + "\n" for line in diff.removesuffix("\n").split("\n"))


def _tinted(line: str) -> str:
    shown = "".join(letter if letter.isprintable() or letter == "\t" else "�" for letter in line)
    tints = {"+": ADDED, "-": REMOVED, "@": PLACE}
    return f"\x1b[{tints[line[0]]}m{shown}\x1b[0m" if line[:1] in tints else shown


def _lines(text: str) -> list[str]:
    """Split at line feeds only, as `patch` does, so that other line ends are text."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
