"""Keys that lack the space behind their colon, which YAML reads with their values for words: batch_size:8."""

from __future__ import annotations

import re

from schema.check.findings import Findings, Json, Problem
from schema.text.diagnostic import Edit, Span
from schema.text.letters import INVISIBLE, SPACES, in_plain_letters, named, strange
from schema.text.source import Path, Scalar
from schema.text.wording import count, quote

GLUED = rf"\s*(?P<key>\w+):(?P<space>[{SPACES}{INVISIBLE}]*)(?P<value>\S.*)"


def glued_key(found: Findings, key: Scalar, declared: Json, path: Path) -> bool:
    """Report a key of a mapping in braces that was read with its value: {rate:1.0}; False where it is none."""
    glued = re.fullmatch(r"(\w+) *(?::=|[:=]) *(\S.*)", in_plain_letters(key.text))
    if not glued or glued[1] not in declared or (*path, glued[1]) in found.keys:
        return False
    message = _missing(glued[1], " " * (key.span.column - 1) + key.text)
    if key.text.partition("=")[0].rstrip(" :") == glued[1]:
        message = f"a colon, not an equals sign, is wanted behind the key {glued[1]}"
    instead = f"{glued[1]}: {glued[2]}"
    found.report("unknown-key", (*path, key.text), key, message, f"write {instead}", instead, certain=True)
    found.failed.add((*path, glued[1]))
    return True


def glued_lines(found: Findings, node: Scalar, path: Path) -> bool:
    """Report the lines of a section that were read as one text; False where a line is no key with its value."""
    span, edits, lines, pattern = node.span, [], node.span.origin.lines, re.compile(GLUED)
    for number in range(span.line, span.end_line + 1):
        line = lines[number - 1][: span.end_column - 1 if number == span.end_line else None]
        glued = pattern.match(line, span.column - 1 if number == span.line else 0)
        if glued and node.plain:
            edits.append(Edit(Span(span.origin, number, glued.start("space") + 1, number, glued.end("space") + 1), " "))
        elif line.strip():
            return False
    if not edits:
        return False
    place = edits[0].span
    first = pattern.match(lines[place.line - 1], span.column - 1)
    assert first
    others = f", and so in {count(len(edits) - 1, 'other line')}" if len(edits) > 1 else ""
    remedy = f"write {first['key']}: {quote(first['value'].strip())[1:-1]}{others}"
    before = " " * (place.column - 1)  # so that letters are counted as columns
    colon = place._replace(column=place.column - 1, end_column=place.column)
    problem = Problem(
        "wrong-type",
        path,
        colon,
        _missing(first["key"], before + first["space"]),
        remedy,
        certain=True,
        edits=tuple(edits),
    )
    found.problems.append(problem)
    found.failed.add(path)
    return True


def _missing(key: str, instead: str = "") -> str:
    """Say what stands behind the colon of a key in place of a space."""
    odd = named(list(strange(instead)), "column")
    return f"behind the colon of {key} stands {odd}" if odd else f"the space behind the colon of {key} is missing"
