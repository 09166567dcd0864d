"""Why a text is no YAML, found by trying: what is written where, and a change after which it is.

Each repair changes lines as a person would who has seen the slip. One is believed when the text can be read with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator

from schema.check.brackets import OPENING, balanced, rewritten
from schema.check.findings import Problem
from schema.check.repair import COMMENT, Repair, near
from schema.check.spacing import letters, tabs
from schema.check.unquoted import explained_argument, find_unquoted, with_quotes
from schema.text.diagnostic import Edit, Span
from schema.text.source import SourceError, point, read_mapping
from schema.text.wording import count, quote

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MOST_LETTERS = 1 << 16  # of a text that repairs are tried on
MOST_WIDTHS = 6  # that a line is tried at
KEY = r"(?P<indent>\s*(?:- +)*)(?P<key>[A-Za-z_]\w*)"
NO_SPACE = re.compile(rf"{KEY}:(?P<value>[^\s:/=].*)")
EQUALS = re.compile(rf"{KEY} *(?::=|=+>?) *(?P<value>\S.*)")
NO_COLON = re.compile(rf"{KEY}(?: +(?P<value>[^\s:#=].*))?")
COLON_WITHIN = re.compile(rf"{KEY}[\w-]*: +(?P<value>[^\s'\"\[{{#][^#]*?)(?P<comment>\s+#.*)?")
BACKSLASHES = re.compile(r'"(?P<text>[^"\n]*\\[^"\n]*)"')
APOSTROPHE = re.compile(r"(?<![\w'])'(?P<text>[^'\\\n]*\w'\w[^'\\\n]*)'(?![\w'])")
DASHED = re.compile(r"(?P<indent>\s*)- +(?P<rest>(?P<key>[A-Za-z_]\w*):(?: .*)?)")
SECOND = re.compile(rf"{KEY}: +(?P<value>[^\s'\"\[{{#][^#:]*?)[,;]? +(?P<rest>(?P<second>[A-Za-z_]\w*): .*)")
NESTED = re.compile(r"(\s*-)-(?= +[^\s-])")
ENDED = re.compile(r"(?P<code>.*[\]}\"'])\s*[,;](?P<rest>\s*(?:#.*)?)")
COMMENTED = re.compile(r"(\s*)(?://+|;+)")
TEMPLATE = re.compile(r"\{\{[^{}:,]*\}\}")
CONFLICT = re.compile(r"(?:<{7}|>{7})(?: |$)")


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


def _commas(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Commas of JSON behind brackets and quotation marks that are closed: all of them, else the one nearby."""
    found = {number: ended for number, line in enumerate(lines, 1) if (ended := _ended(line))}
    for places in ([*found], [number for number, _ in near(lines, error) if number in found][:1]):
        if places:
            number = places[0]
            others = f", here and in {count(len(places) - 1, 'other line')}" if len(places) > 1 else ""
            changed = {each: found[each]["code"] + found[each]["rest"] for each in places}
            message = "a comma or semicolon stands behind the value, which YAML ends with its line"
            yield Repair(changed, number, found[number].end("code") + 1, message, f"remove it{others}")


def _ended(line: str) -> re.Match[str] | None:
    found = None if line.lstrip().startswith("#") else ENDED.fullmatch(line)
    return found if found and balanced(found["code"])[1] is None else None


def _dashes(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Two dashes without a space, one before a key whose neighbours have none, and a second key on a line."""
    nested = {number: NESTED.sub(r"\1 -", line) for number, line in enumerate(lines, 1) if NESTED.match(line)}
    if nested:
        number = min(nested)
        others = f", here and in {count(len(nested) - 1, 'other line')}" if len(nested) > 1 else ""
        message = "the dashes of a list in a list stand without a space"
        yield Repair(nested, number, lines[number - 1].index("--") + 1, message, f"write '- -'{others}")
    for number, line in near(lines, error):
        dashed, second = DASHED.fullmatch(line), SECOND.fullmatch(line)
        if dashed and dashed["key"] in known:
            text, at = f"{dashed['indent']}{dashed['rest']}", dashed.end("indent") + 1
            message = f"a dash before {dashed['key']} makes a list, and the keys beside it have none"
            remedy = f"write {dashed['key']} without the dash"
            yield Repair({number: text}, number, at, message, remedy)
            block = _dashed_block(lines, number, dashed["indent"])
            yield Repair(block, min(block), at, message, f"{remedy}, and so in {count(len(block) - 1, 'other line')}")
        if second and second["key"] in known and second["second"] in known:
            indent = " " * len(second["indent"])
            text = f"{second['indent']}{second['key']}: {second['value']}\n{indent}{second['rest']}"
            message, remedy = (
                f"{second['second']} stands on the line of {second['key']}",
                "write it on a line of its own",
            )
            yield Repair({number: text}, number, second.start("rest") + 1, message, remedy)


def _dashed_block(lines: list[str], number: int, indent: str) -> dict[int, str]:
    """The lines around one that begin with the same dash, without it."""
    found: dict[int, str] = {}
    for step in (-1, 1):
        at = number if step > 0 else number - 1
        while 0 < at <= len(lines) and (dashed := DASHED.fullmatch(lines[at - 1])) and dashed["indent"] == indent:
            found[at] = f"{indent}{dashed['rest']}"
            at += step
    return found


def _indent(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """A line that is indented otherwise than its neighbours."""
    for number, line in near(lines, error):
        own = len(line) - len(line.lstrip(" "))
        if own == 0:
            continue  # a section, which others are wrong about
        others = {len(each) - len(each.lstrip(" ")) for each in lines if each.strip()} - {own}
        for width in sorted(others, key=lambda each: (abs(each - own), each))[:MOST_WIDTHS]:
            if line.strip():
                message = f"the line is indented by {count(own, 'space')}, which fits no line above it"
                yield Repair(
                    {number: " " * width + line.lstrip(" ")}, number, 1, message, f"indent it by {width}", certain=False
                )


def _open(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Brackets and quotation marks that are not closed on their line, or brackets that close nothing."""
    for number, line in near(lines, error):
        mark = COMMENT.search(line)
        end = len((line[: mark.start()] if mark else line).rstrip())
        code, rest = line[:end], line[end:]
        closed, at, quoted = balanced(code)
        if at is None:
            continue
        sign = "quotation mark" if quoted else "bracket"
        what = "is not closed on its line" if quoted or code[at] in OPENING else "closes nothing"
        before = code.rfind(": ", 0, at) + 2
        if not quoted and code[at] in OPENING.values() and before > 1:
            opener = next(each for each, closer in OPENING.items() if closer == code[at])
            text = code[:before] + opener + code[before:]
            message = f"the bracket {code[at]} closes nothing"
            yield Repair({number: text + rest}, number, at + 1, message, rewritten(text), certain=False)
        inner = len(code.rstrip("]}"))
        texts = (code + code[at], balanced(code[:inner] + code[at] + code[inner:])[0]) if quoted else (closed,)
        for text in texts:
            message, remedy = f"the {sign} {code[at]} {what}", rewritten(text)
            yield Repair({number: text + rest}, number, at + 1, message, remedy, certain=False)


def _flow(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """A comma that is missing between braces, and a section that begins on the line of its name."""
    for number, line in near(lines, error):
        changed, at = line, -1
        for found in reversed([*re.finditer(r"(?<=[^\s,{\[:]) +(?=(?P<key>[A-Za-z_]\w*): )", line)]):
            if found["key"] in known and line[: found.start()].count("{") > line[: found.start()].count("}"):
                changed, at = f"{changed[: found.start()]}, {changed[found.end() :]}", found.start()
        if at >= 0:
            message = "a comma is missing between two keys in braces"
            remedy = f"write a comma before {line[at:].partition(':')[0].strip()}"
            yield Repair({number: changed}, number, at + 1, message, remedy)
        nested = re.fullmatch(rf"{KEY}: +(?P<inner>(?P<second>[A-Za-z_]\w*):.*)", line)
        if nested and nested["key"] in known and nested["second"] in known and balanced(line)[1] is None:
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
    for places in ([number for number, _ in near(lines, error)][:1], [*found]):
        values = {number: found[number] for number in places if found[number]}
        if values:
            number, (first, *_) = next(iter(values.items()))
            changed = {each: with_quotes(lines[each - 1], inner) for each, inner in values.items()}
            message = f"a value that begins with {first.text[0]} is {first.meaning} in YAML"
            others = f", and so in {count(len(changed) - 1, 'other line')}" if len(changed) > 1 else ""
            yield Repair(changed, number, first.start + 1, message, f"quote it: write {first.quoted}{others}")


def _quotes(lines: list[str], error: SourceError, known: Container[str]) -> Iterator[Repair]:
    """Values that need quotation marks, and backslashes in double ones."""
    for number, line in near(lines, error):
        if (found := BACKSLASHES.search(line)) and "'" not in found["text"]:
            changed = f"{line[: found.start()]}'{found['text']}'{line[found.end() :]}"
            message = "between double quotation marks a backslash begins an escape"
            yield Repair({number: changed}, number, found.start() + 1, message, f"write '{found['text']}'")
        if (found := APOSTROPHE.search(line)) and '"' not in found["text"]:
            changed = f'{line[: found.start()]}"{found["text"]}"{line[found.end() :]}'
            message = "an apostrophe ends the text before its end"
            yield Repair({number: changed}, number, found.start() + 1, message, f'write "{found["text"]}"')
        within = COLON_WITHIN.fullmatch(line)
        text = within["value"] if within else ""
        is_text = re.search(r"[A-Za-z]", text) and not re.fullmatch(r"[*&]\w+", text)
        holds_keys = any(key in known for key in re.findall(r"(\w+):(?= |$)", text))
        if within and is_text and not holds_keys:
            text = f"'{within['value']}'" if "'" not in within["value"] else f'"{within["value"]}"'
            changed = f"{line[: within.start('value')]}{text}{within['comment'] or ''}"
            message = f"the value of {within['key']} means something else in YAML without quotation marks"
            yield Repair({number: changed}, number, within.start("value") + 1, message, f"write {quote(text)[1:-1]}")


REPAIRS: tuple[Callable[[list[str], SourceError, Container[str]], Iterator[Repair]], ...] = (
    letters,
    tabs,
    _keys,
    _commas,
    _signs,
    _flow,
    _comments,
    _dashes,
    _open,
    _quotes,
    _indent,
)
