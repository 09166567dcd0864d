"""Why a text is no YAML, found by trying: what is written where, and a change after which it is.

Each repair changes lines as a person would who has seen the slip. One is believed when the text can be read with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from schema.check.brackets import OPENING, balanced, end_of
from schema.check.findings import Problem
from schema.check.unquoted import explained_argument, find_unquoted, with_quotes
from schema.text.diagnostic import Edit, Span
from schema.text.letters import INVISIBLE, SPACES, Letter, instead, named, strange
from schema.text.source import SourceError, point, read_mapping
from schema.text.wording import count, quote

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MOST_LETTERS = 1 << 16  # of a text that repairs are tried on
MOST_WIDTHS = 6  # that a line is tried at
REACH = 3  # lines above the one that the reader stopped at
KEY = r"(?P<indent>\s*(?:- +)*)(?P<key>[A-Za-z_]\w*)"
NO_SPACE = re.compile(rf"{KEY}:(?P<value>[^\s:/].*)")
EQUALS = re.compile(rf"{KEY} *(?::=|=+>?) *(?P<value>\S.*)")
NO_COLON = re.compile(rf"{KEY}(?: +(?P<value>[^\s:#=].*))?")
COLON_WITHIN = re.compile(rf"{KEY}: +(?P<value>[^\s'\"\[{{#][^#]*?)(?P<comment>\s+#.*)?")
BACKSLASHES = re.compile(r'"(?P<text>[^"\n]*\\[^"\n]*)"')
COMMENTED = re.compile(r"(\s*)(?://+|;+|--(?!-))")
TEMPLATE = re.compile(r"\{\{[^{}:,]*\}\}")
COMMENT = re.compile(r"(?:^|\s)#")
CONFLICT = re.compile(r"(?:<{7}|>{7})(?: |$)")


class Repair(NamedTuple):
    """New texts of lines by their numbers, the place to show, what is wrong there, and what to write."""

    lines: dict[int, str]
    line: int
    column: int
    message: str
    remedy: str
    certain: bool = True


def explained(error: SourceError, data: bytes, name: str, known: Container[str]) -> Problem:
    """Return the problem of a text that can't be read, at the place of the repair after which it can.

    `known` are names of keys.
    """
    problem = Problem(error.slug, (), error.span, error.message, error.remedy, error.related)
    if data.startswith(UTF_16):
        return problem._replace(message="the file is in UTF-16, as some shells and editors write")
    origin = error.span.origin
    if origin.name != name:
        return explained_argument(problem, origin)
    if "'<document start>'" in error.message:
        problem = problem._replace(message="the spec has ended before this", remedy="remove it, or indent it")
    if error.slug != "yaml-syntax" or len(data) > MOST_LETTERS:
        return problem
    lines = list(origin.lines)
    if any(TEMPLATE.search(line) for line in lines[error.span.line - 1 : error.span.line]):
        message = "{{ }} stands for a value that a template would write, and none is read here"
        return problem._replace(message=message, remedy="write the value, or give it by --set KEY=VALUE")
    conflict = next((number for number, line in enumerate(lines, start=1) if CONFLICT.match(line)), None)
    if conflict:
        message, remedy = "a merge conflict is left in the file", "keep one of the two versions, and remove the marks"
        return Problem(error.slug, (), point(origin, conflict, 1), message, remedy)
    for find in REPAIRS:
        for repair in find(lines, error, known):
            changed = [repair.lines.get(number, line) for number, line in enumerate(lines, start=1)]
            if _is_read("\n".join(changed), name):
                edits = (
                    Edit(Span(origin, number, 1, number, len(lines[number - 1]) + 1), line)
                    for number, line in sorted(repair.lines.items())
                )
                place = point(origin, repair.line, repair.column)
                found = Problem(error.slug, (), place, repair.message, repair.remedy)
                return found._replace(certain=repair.certain, edits=tuple(edits))
    return problem


def _is_read(text: str, name: str) -> bool:
    try:
        read_mapping(text.encode("utf-8", "surrogatepass"), name)
    except SourceError:
        return False
    return True


def _near(lines: list[str], error: SourceError) -> Iterator[tuple[int, str]]:
    """Yield the lines at which the slip may be, the one that the reader stopped at first."""
    places = {error.span.line, *(related.span.line for related in error.related)}
    wanted = [*sorted(places, reverse=True), *(error.span.line - above for above in range(1, REACH + 1))]
    for number in dict.fromkeys(wanted):
        if 0 < number <= len(lines) and not lines[number - 1].lstrip().startswith("#"):
            yield number, lines[number - 1]


def _letters(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Spaces of other kinds and letters that can't be seen; then all letters that look like others."""
    for wanted in (SPACES + INVISIBLE, None):
        changed: dict[int, str] = {}
        first: tuple[int, list[Letter]] | None = None
        for number, line in enumerate(lines, start=1):
            mark = COMMENT.search(line)
            code = line[: mark.start()] if mark else line
            letters = [each for each in strange(code) if wanted is None or each.found in wanted]
            if letters:
                meant = {letter.at: _spaced(letter, line) for letter in letters}
                changed[number] = "".join(meant.get(index, letter) for index, letter in enumerate(line))
                first = first or (number, letters)
        if first:
            number, letters = first
            message = f"the line holds {named(letters, 'column')}, which YAML takes for a part of the text"
            others = f", here and in {count(len(changed) - 1, 'other line')}" if len(changed) > 1 else ""
            yield Repair(changed, number, letters[0].at + 1, message, f"{instead(letters)}{others}")


def _spaced(letter: Letter, line: str) -> str:
    """What is meant in place of a letter, with the space behind it that a wide colon or comma brings along."""
    return letter.meant + (" " if letter.meant in (":", ",") and line[letter.at + 1 :][:1].strip() else "")


def _tabs(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
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


def _keys(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Keys without the space behind their colon, with an equals sign, or without a colon; all of a kind at once."""
    for pattern in (NO_SPACE, EQUALS, NO_COLON):
        every: dict[int, str] = {}
        first: tuple[int, re.Match[str]] | None = None
        for number, line in enumerate(lines, start=1):
            found = pattern.fullmatch(line.rstrip())
            if found and found["key"] in known and not (pattern is NO_COLON and found["key"] == found["value"]):
                every[number] = f"{found['indent']}{found['key']}: {found['value'] or ''}".rstrip()
                first = first or (number, found)
        if not first:
            continue
        number, found = first
        key, shown = found["key"], quote(every[number].strip())[1:-1]
        missing = {NO_SPACE: "a space behind the colon", EQUALS: "a colon, not an equals sign,"}.get(pattern, "a colon")
        others = f", and so in {count(len(every) - 1, 'other line')}" if len(every) > 1 else ""
        message = f"{missing} is wanted behind the key {key}"
        if pattern is NO_SPACE:
            message = f"the space behind the colon of {key} is missing"
        yield Repair(every, number, found.end("key") + 1, message, f"write {shown}{others}")


def _comments(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Comments of other languages, on lines of their own."""
    found = {number: COMMENTED.sub(r"\1#", line) for number, line in enumerate(lines, 1) if COMMENTED.match(line)}
    if found:
        number = min(found)
        column = len(lines[number - 1]) - len(lines[number - 1].lstrip()) + 1
        others = f", here and in {count(len(found) - 1, 'other line')}" if len(found) > 1 else ""
        yield Repair(found, number, column, "a comment begins with # in YAML", f"write #{others}")


def _indent(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """A line that is indented otherwise than its neighbours."""
    for number, line in _near(lines, error):
        own = len(line) - len(line.lstrip(" "))
        others = {len(each) - len(each.lstrip(" ")) for each in lines if each.strip()} - {own}
        for width in sorted(others, key=lambda each: (abs(each - own), each))[:MOST_WIDTHS]:
            if line.strip():
                message = f"the line is indented by {count(own, 'space')}, which fits no line above it"
                yield Repair(
                    {number: " " * width + line.lstrip(" ")}, number, 1, message, f"indent it by {width}", certain=False
                )


def _open(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Brackets and quotation marks that are not closed on their line, or brackets that close nothing."""
    for number, line in _near(lines, error):
        mark = COMMENT.search(line)
        end = len((line[: mark.start()] if mark else line).rstrip())
        code, rest = line[:end], line[end:]
        closed, at, quoted = balanced(code)
        if at is None:
            continue
        sign = "quotation mark" if quoted else "bracket"
        what = "is not closed on its line" if quoted or code[at] in OPENING else "closes nothing"
        inner = len(code.rstrip("]}"))
        texts = (code + code[at], balanced(code[:inner] + code[at] + code[inner:])[0]) if quoted else (closed,)
        for text in texts:
            message, remedy = f"the {sign} {code[at]} {what}", f"end the line with {end_of(text)}"
            yield Repair({number: text + rest}, number, at + 1, message, remedy, certain=False)


def _flow(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """A comma that is missing between braces, and a section that begins on the line of its name."""
    for number, line in _near(lines, error):
        changed, at = line, -1
        for found in reversed([*re.finditer(r"(?<=[^\s,{\[:]) +(?=(?P<key>[A-Za-z_]\w*): )", line)]):
            if found["key"] in known and line[: found.start()].count("{") > line[: found.start()].count("}"):
                changed, at = f"{changed[: found.start()]}, {changed[found.end() :]}", found.start()
        if at >= 0:
            message = "a comma is missing between two keys in braces"
            remedy = f"write a comma before {line[at:].partition(':')[0].strip()}"
            yield Repair({number: changed}, number, at + 1, message, remedy)
        nested = re.fullmatch(rf"{KEY}: +(?P<inner>(?P<second>[A-Za-z_]\w*):.*)", line)
        if nested and nested["key"] in known and nested["second"] in known:
            below = next((each for each in lines[number:] if each.strip()), "")
            own = len(nested["indent"])
            indent = max(len(below) - len(below.lstrip(" ")), own + 1) if below.startswith(" " * (own + 1)) else own + 2
            text = f"{nested['indent']}{nested['key']}:\n{' ' * indent}{nested['inner']}"
            message = f"{nested['second']} is a key of its own, and stands on the line of {nested['key']}"
            remedy = f"write it on the next line, indented by {indent}"
            yield Repair({number: text}, number, nested.start("inner") + 1, message, remedy)


def _signs(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Patterns and other text that begins with a sign of YAML's: those nearby, and then all."""
    found = {number: [*find_unquoted(line)] for number, line in enumerate(lines, start=1)}
    for places in ([number for number, _ in _near(lines, error)][:1], [*found]):
        values = {number: found[number] for number in places if found[number]}
        if values:
            number, (first, *_) = next(iter(values.items()))
            changed = {each: with_quotes(lines[each - 1], inner) for each, inner in values.items()}
            message = f"a value that begins with {first.text[0]} is {first.meaning} in YAML"
            others = f", and so in {count(len(changed) - 1, 'other line')}" if len(changed) > 1 else ""
            yield Repair(changed, number, first.start + 1, message, f"quote it: write {first.quoted}{others}")


def _quotes(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Values that need quotation marks, and backslashes in double ones."""
    for number, line in _near(lines, error):
        if (found := BACKSLASHES.search(line)) and "'" not in found["text"]:
            changed = f"{line[: found.start()]}'{found['text']}'{line[found.end() :]}"
            message = "between double quotation marks a backslash begins an escape"
            yield Repair({number: changed}, number, found.start() + 1, message, f"write '{found['text']}'")
        within = COLON_WITHIN.fullmatch(line)
        text = within["value"] if within else ""
        is_text = re.search(r"[A-Za-z]", text) and not re.fullmatch(r"[*&]\w+", text)
        if within and is_text and text.partition(":")[0].strip() not in known:
            text = f"'{within['value']}'" if "'" not in within["value"] else f'"{within["value"]}"'
            changed = f"{within['indent']}{within['key']}: {text}{within['comment'] or ''}"
            message = f"the value of {within['key']} means something else in YAML without quotation marks"
            yield Repair({number: changed}, number, within.start("value") + 1, message, f"write {quote(text)[1:-1]}")


REPAIRS: tuple[Callable[[list[str], SourceError, Container[str]], Iterator[Repair]], ...] = (
    _letters,
    _tabs,
    _keys,
    _signs,
    _flow,
    _comments,
    _open,
    _quotes,
    _indent,
)
