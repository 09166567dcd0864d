"""Repairs of what stands between words: spaces of other kinds, letters that can't be seen or look like others, tabs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from schema.check.repair import COMMENT, Repair
from schema.text.letters import INVISIBLE, SPACES, Letter, instead, named, strange
from schema.text.source import SourceError
from schema.text.wording import count

QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|'[^']*')""")


def letters(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Spaces of other kinds and letters that can't be seen, but for quoted text; then all that look like others."""
    for wanted in (SPACES + INVISIBLE, None):
        changed: dict[int, str] = {}
        first: tuple[int, list[Letter]] | None = None
        for number, line in enumerate(lines, start=1):
            mark = COMMENT.search(line)
            code = line[: mark.start()] if mark else line
            quoted = [found.span() for found in QUOTED.finditer(code)] if wanted else []
            odd = [
                each
                for each in strange(code)
                if wanted is None or (each.found in wanted and not any(a <= each.at < b for a, b in quoted))
            ]
            if odd:
                meant = {letter.at: _spaced(letter, line) for letter in odd}
                changed[number] = "".join(meant.get(index, letter) for index, letter in enumerate(line))
                first = first or (number, odd)
        if first:
            number, odd = first
            message = f"the line holds {named(odd, 'column')}, which YAML takes for a part of the text"
            others = f", here and in {count(len(changed) - 1, 'other line')}" if len(changed) > 1 else ""
            yield Repair(changed, number, odd[0].at + 1, message, f"{instead(odd)}{others}")


def _spaced(letter: Letter, line: str) -> str:
    """What is meant in place of a letter, with the space behind it that a wide colon or comma brings along."""
    return letter.meant + (" " if letter.meant in (":", ",") and line[letter.at + 1 :][:1].strip() else "")


def tabs(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Tabs between words become one space each, those that indent as many as the spaces of other lines."""
    tabbed = {number: line for number, line in enumerate(lines, start=1) if "\t" in line}
    if not tabbed:
        return
    number, line = next(iter(tabbed.items()))
    indents = [len(each) - len(each.lstrip(" ")) for each in lines if each.startswith(" ")]
    alone = not indents
    for width in dict.fromkeys((min(indents, default=2), 2, 4, 8)):
        changed = {each: _without_tabs(line, width) for each, line in tabbed.items()}
        indenting = any("\t" in line[: len(line) - len(line.lstrip())] for line in tabbed.values())
        spaces = f"{width} spaces for each" if indenting else "a space"
        others = f", here and in {count(len(tabbed) - 1, 'other line')}" if len(tabbed) > 1 else ""
        message = "a tab stands here, where YAML takes spaces only"
        yield Repair(changed, number, line.index("\t") + 1, message, f"write {spaces}{others}", alone or not indenting)


def _without_tabs(line: str, width: int) -> str:
    bare = line.lstrip()
    indent = line[: len(line) - len(bare)].replace("\t", " " * width)
    return indent + bare.replace("\t", " ")
