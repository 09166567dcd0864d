"""What a finding is known by when the lines of its file have moved: for baselines, and for services that remember.

A fingerprint is made of the rule, the keys that enclose the place, the text there, and the sentence without its
numbers. Line numbers, indentation, comments and neighbours don't change it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from schema.text.diagnostic import Diagnostic, Origin, Span

NUMBER = re.compile(r"\d[\d_,.]*(?:e[+-]?\d+)?")
KEY = re.compile(r"[\s-]*(?P<key>[^\s:#{\[][^:#]*):(?=\s|$)")
WHOLE = (1, 1, 1, 2)  # where findings of a whole file stand, whatever its first line holds
DIGITS = 16  # of the digest, in hexadecimal


def fingerprints(found: Sequence[Diagnostic]) -> list[str]:
    """Return the fingerprint of each finding; of equal ones in one file the second ends in `-2`, and so on.

    The findings of a file are all of them in the order of their places, so that the numbers are the same each time.
    """
    above: dict[int, list[tuple[str, ...]]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    made = []
    for each in found:
        origin = each.span.origin
        if id(origin) not in above:
            above[id(origin)] = _keys_above(origin)
        parts = (each.code, *_enclosing(above[id(origin)], each.span), _text(each.span), NUMBER.sub("#", each.message))
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
        seen[origin.name, digest] += 1
        times = seen[origin.name, digest]
        made.append(digest if times == 1 else f"{digest}-{times}")
    return made


def _keys_above(origin: Origin) -> list[tuple[str, ...]]:
    """The keys that enclose each line, outermost first, by indentation; a dash stands deeper than the key above it."""
    stack: list[tuple[int, str]] = []
    found = []
    for line in origin.lines:
        text = line.strip()
        if not text or text.startswith("#"):
            found.append(tuple(key for _, key in stack))
            continue
        depth = 2 * (len(line) - len(line.lstrip())) + text.startswith("-")
        while stack and stack[-1][0] >= depth:
            stack.pop()
        found.append(tuple(key for _, key in stack))
        if key := KEY.match(line):
            stack.append((depth, key["key"].strip()))
    return found


def _enclosing(keys: Sequence[tuple[str, ...]], span: Span) -> tuple[str, ...]:
    return keys[span.line - 1] if 1 <= span.line <= len(keys) else ()


def _text(span: Span) -> str:
    """What stands at a place, of several lines the first, with single blanks."""
    lines = span.origin.lines
    if span[1:] == WHOLE or not 1 <= span.line <= len(lines):
        return ""
    end = span.end_column - 1 if span.end_line == span.line else None
    return " ".join(lines[span.line - 1][span.column - 1 : end].split())
