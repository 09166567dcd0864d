"""Keys and values in which letters stand that look like others: read as they were meant, with a problem that says so.

What is free text, a path or the name of a field, is left as it is, and only what nobody writes on purpose is reported.
"""

from __future__ import annotations

from schema.check.findings import Findings, Json, Problem, show
from schema.text.diagnostic import Edit, Span
from schema.text.letters import (
    DOUBLE_QUOTES,
    INVISIBLE,
    SINGLE_QUOTES,
    SPACES,
    in_plain_letters,
    instead,
    mixes_scripts,
    named,
    strange,
)
from schema.text.scalars import resolve
from schema.text.source import Path, Scalar
from schema.text.wording import quote

KNOWN, FREE = "look-alike-letter", "hidden-letter"  # the rules that report them
JOINERS = "\u200c\u200d"  # which Persian and others need, and emoji
QUOTES = DOUBLE_QUOTES + SINGLE_QUOTES


def meant_key(found: Findings, key: Scalar, path: Path) -> str:
    """Return the name that a key was meant to have; `path` is that of its mapping."""
    if key.text.isascii():
        return key.text
    name = _unquoted(in_plain_letters(key.text))
    if name == key.text or not name.isascii() or ":" in name:  # which lacks a space
        return key.text
    where = f"in {show(path)}" if path else "at the top of the spec"
    _report(found, KNOWN, (*path, name), key, f"the key {quote(name)} {where}", name)
    return name


def meant_value(found: Findings, node: Scalar, schema: Json, path: Path) -> Scalar:
    """Return the value that was meant where a key takes certain words and numbers; a free text as it is."""
    kinds = schema.get("anyOf", [schema])
    if any(kind.get("type") in ("object", "array") for kind in kinds):
        return node  # of another type, whatever its letters are
    free = not isinstance(path[-1], int) and any(_is_free(kind) for kind in kinds)
    text = _unquoted(in_plain_letters(node.text))
    if free and _is_odd(node.text):
        _report(found, FREE, path, node, show(path), text)
    if free or text == node.text or not text.isascii():
        return node
    _report(found, KNOWN, path, node, show(path), text)
    plain = node.plain or node.text[:1] in QUOTES
    return Scalar(node.span, text, plain, resolve(text) if plain else text)


def _is_free(kind: Json) -> bool:
    return kind.get("type") == "string" and not {"const", "enum", "pattern"} & kind.keys()


def _is_odd(text: str) -> bool:
    """Whether a text holds letters that nobody wrote on purpose."""
    hidden = any(letter in INVISIBLE and letter not in JOINERS for letter in text)
    return hidden or text[0] in SPACES + QUOTES or text[-1] in SPACES + QUOTES or mixes_scripts(text)


def _unquoted(text: str) -> str:
    """A text without the quotation marks around it, which a word processor made of plain ones, and without spaces."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _report(found: Findings, slug: str, path: Path, node: Scalar, what: str, text: str) -> None:
    letters = list(strange(node.text))
    message = f"{what} holds {named(letters)}"
    span, edits = node.span, tuple(_edits(node, text))
    if len(letters) == 1 and edits and node.span.line == node.span.end_line:
        span = edits[0].span
    if any(problem.slug == slug and problem.span == span for problem in found.problems):
        return  # an alias repeats it
    remedy = f"{instead(letters)}: {quote(text)[1:-1]}"
    if in_plain_letters(node.text).strip() != text:
        remedy = f"write {quote(text)[1:-1]}, without quotation marks or in plain ones"
    found.problems.append(Problem(slug, path, span, message, remedy, certain=slug == KNOWN, edits=edits))


def _edits(node: Scalar, text: str) -> list[Edit]:
    """Write what was meant, letter by letter where each stands as it was read; else the whole."""
    span = node.span
    if span.line != span.end_line:
        return []
    line = span.origin.lines[span.line - 1]
    start = span.column - 1 if node.plain else span.column
    letters = list(strange(node.text))
    if in_plain_letters(node.text) != text:
        return [Edit(span, text)] if node.plain else []
    if any(line[start + letter.at : start + letter.at + 1] != letter.found for letter in letters):
        return []
    columns = [(start + letter.at + 1, letter.meant) for letter in letters]
    return [Edit(Span(span.origin, span.line, column, span.line, column + 1), meant) for column, meant in columns]
