"""YAML text → located tree. Every node knows where it stands; nothing is interpreted beyond its YAML type.

The tree is built from the parser's events without recursion, within fixed limits, so that no text can
exhaust memory or the stack. Whatever is wrong with the text is one located `SourceError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schema.text.diagnostic import Origin, Related, Span
from schema.text.events import all_events, plain_events
from schema.text.scalars import Value, number, resolve
from schema.text.secrets import hide
from schema.text.wording import quote

MOST_BYTES = 1 << 20
MOST_DEPTH = 64
MOST_NODES = 10_000
TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
COLLECTION_TAGS = {"MappingStartEvent": "tag:yaml.org,2002:map", "SequenceStartEvent": "tag:yaml.org,2002:seq"}
Path = tuple[str | int, ...]  # of a node: keys and list indexes, from the top


class Scalar(NamedTuple):
    """A single value; `value` is its YAML type when it is plain, and the text when it is quoted."""

    span: Span
    text: str
    plain: bool
    value: Value


class Sequence(NamedTuple):
    """A list."""

    span: Span
    items: tuple[Node, ...]


class Mapping(NamedTuple):
    """A mapping, entries in the order of the text; a repeated key is kept, and readers use the first.

    What a merge key brings in stands among the entries; `merged` is the value of that key.
    """

    span: Span
    entries: tuple[tuple[Scalar, Node], ...]
    merged: Node | None = None


Node = Scalar | Sequence | Mapping


def same(one: Node, other: Node) -> bool:
    """Whether two nodes say the same, numbers in any spelling."""
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.text == other.text or (number(one.text) is not None and number(one.text) == number(other.text))
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return len(one.items) == len(other.items) and all(map(same, one.items, other.items))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        first, second = ({key.text: value for key, value in each.entries} for each in (one, other))
        return first.keys() == second.keys() and all(same(value, second[name]) for name, value in first.items())
    return False


class SourceError(Exception):
    """Text that is no spec: the slug of the rule that reports it, the place, the sentence and the remedy."""

    def __init__(self, slug: str, span: Span, message: str, remedy: str, related: tuple[Related, ...] = ()) -> None:
        super().__init__(message)
        self.slug, self.span, self.message, self.remedy, self.related = slug, span, message, remedy, related


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet, with the size and height of what it holds so far."""

    mapping: bool
    event: Any
    children: list[Node] = field(default_factory=list)
    nodes: int = 1
    height: int = 1


def read_mapping(data: bytes, name: str) -> Mapping:
    """Read a whole spec file, which is one mapping in UTF-8; raise SourceError for anything else."""
    if len(data) > MOST_BYTES:
        start = point(Origin(name, ()), 1, 1)
        raise SourceError("yaml-syntax", start, f"{name} is larger than 1 MiB", "write a spec, not data")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        origin = origin_of(name, data.decode("utf-8-sig", "replace"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise SourceError("yaml-syntax", _place(origin, before, len(before)), message, "save as UTF-8") from error
    origin = origin_of(name, text)
    node = read_node("\n".join(origin.lines), origin)
    if node is None:
        remedy = "start with a key such as 'training:'"
        raise SourceError("yaml-syntax", point(origin, 1, 1), "the file holds no keys", remedy)
    if not isinstance(node, Mapping):
        kind = "a list" if isinstance(node, Sequence) else "a single value"
        raise SourceError(
            "yaml-syntax", node.span, f"the file holds {kind}, not a mapping", "start with a key such as 'training:'"
        )
    return node


def read_node(text: str, origin: Origin) -> Node | None:
    """Read one YAML document, in which credentials are hidden; None when the text holds none."""
    if (events := plain_events(text)) is not None:
        return _build(iter(events), origin)
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        return _build(all_events(text), origin)
    except ReaderError as error:
        span = _place(origin, text, error.position)
        message = f"the character U+{ord(text[error.position]):04X} can't stand in YAML"
        raise SourceError("yaml-syntax", span, message, "remove it") from error
    except MarkedYAMLError as error:
        raise _syntax_error(error, origin) from error
    except (YAMLError, ValueError, IndexError, AssertionError) as error:  # %YAML 1.3 is an assertion
        raise SourceError("yaml-syntax", point(origin, 1, 1), f"not YAML: {error}", "check the text") from error


def origin_of(name: str, text: str) -> Origin:
    """Hide the credentials of a text, and split it into lines as the parser does."""
    text, secrets = hide(text)
    return Origin(name, tuple(re.split(r"\r\n|\n|\r", text)), secrets)


def point(origin: Origin, line: int, column: int) -> Span:
    """A place of one character."""
    return Span(origin, line, column, line, column + 1)


def _place(origin: Origin, text: str, index: int) -> Span:
    lines = re.split(r"\r\n|\n|\r", text[:index])
    return point(origin, len(lines), len(lines[-1]) + 1)


def _span(event: Any, end: Any, origin: Origin) -> Span:
    start, stop = event.start_mark, end.end_mark
    return Span(origin, start.line + 1, start.column + 1, stop.line + 1, stop.column + 1)


def _syntax_error(error: Any, origin: Origin) -> SourceError:
    mark = error.problem_mark or error.context_mark
    span = point(origin, mark.line + 1, mark.column + 1) if mark else point(origin, 1, 1)
    problem = re.sub(
        r"(, but (?:found|got)) '(?:<stream end>|\\\\x00)'", r"\1 the end of the text", error.problem or "not YAML"
    )
    if "'\\t'" in problem:
        return SourceError("yaml-syntax", span, "a tab stands where this reader takes spaces only", "write spaces")
    related: tuple[Related, ...] = ()
    context = error.context_mark
    if error.context and context and (context.line, context.column) != (mark.line, mark.column):
        related = (Related(point(origin, context.line + 1, context.column + 1), str(error.context)),)
    remedies = {
        "mapping values are not allowed here": "quote a value that holds ': ', and align keys of one mapping",
        "cannot start any token": "quote a value that starts with this character",
        "end of the text": "close what was opened",
        "found unexpected end of stream": "close the quotation mark",
    }
    remedy = next((text for sign, text in remedies.items() if sign in problem), "correct the YAML here")
    return SourceError("yaml-syntax", span, problem, remedy, related)


def _build(events: Iterator[Any], origin: Origin) -> Node | None:
    """Assemble the tree of one document from parser events, with a stack instead of recursion."""
    stack: list[_Open] = []
    anchors: dict[str, tuple[Node, int, int] | None] = {}
    root: Node | None = None
    documents = nodes = 0
    for event in events:
        kind = type(event).__name__
        node: Node | None = None
        size, height, new = 1, 1, 1
        if kind == "DocumentStartEvent":
            documents += 1
            _check_start(event, documents, origin)
        elif kind in COLLECTION_TAGS:
            _check_tag(event, kind, origin)
            stack.append(_Open(kind == "MappingStartEvent", event))
            if event.anchor:
                anchors[event.anchor] = None
        elif kind == "AliasEvent":
            node, size, height = _aliased(event, anchors, origin)
            new = size
        elif kind == "ScalarEvent":
            node = _scalar(event, origin)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = stack.pop()
            node, size, height, new = _closed(done, event, origin), done.nodes, done.height, 0
            if done.event.anchor:
                anchors[done.event.anchor] = (node, size, height)
        nodes += new if node or kind in COLLECTION_TAGS else 0
        if nodes > MOST_NODES:
            raise _refusal(
                "unsafe-yaml", event, origin, f"more than {MOST_NODES:,} values, aliases included", "write less"
            )
        if len(stack) + height - 1 > MOST_DEPTH:
            raise _refusal("unsafe-yaml", event, origin, f"nested more than {MOST_DEPTH} levels deep", "flatten it")
        if node is None:
            continue
        if kind == "ScalarEvent" and event.anchor:
            anchors[event.anchor] = (node, 1, 1)
        if not stack:
            root = node
            continue
        stack[-1].children.append(node)
        stack[-1].nodes += size
        stack[-1].height = max(stack[-1].height, height + 1)
    return root


def _refusal(slug: str, event: Any, origin: Origin, message: str, remedy: str) -> SourceError:
    span = _span(event, event, origin)
    return SourceError(slug, span if span.end_column > span.column else point(origin, *span.start[1:]), message, remedy)


def _check_start(event: Any, documents: int, origin: Origin) -> None:
    if documents > 1:
        raise _refusal("yaml-syntax", event, origin, "a second document starts here", "keep one document a file")
    if event.version not in (None, (1, 2)):
        shown = ".".join(str(part) for part in event.version)
        message = f"the text asks for YAML {shown}, and only 1.2 is read"
        raise _refusal("yaml-syntax", event, origin, message, "remove the %YAML line")


def _check_tag(event: Any, kind: str, origin: Origin) -> None:
    tag = event.tag
    if tag and tag not in ((COLLECTION_TAGS.get(kind),) if kind in COLLECTION_TAGS else TEXT_TAGS):
        shown = quote(str(tag).replace("tag:yaml.org,2002:", "!!"))
        raise _refusal("unsafe-yaml", event, origin, f"the tag {shown} is not read", "remove the tag")


def _scalar(event: Any, origin: Origin) -> Scalar:
    _check_tag(event, "ScalarEvent", origin)
    plain = event.style in (None, "") and not event.tag
    return Scalar(_span(event, event, origin), event.value, plain, resolve(event.value) if plain else event.value)


def _aliased(event: Any, anchors: dict[str, tuple[Node, int, int] | None], origin: Origin) -> tuple[Node, int, int]:
    shown = quote(f"*{event.anchor}")
    if event.anchor not in anchors:
        remedy = f"put &{event.anchor} before what it repeats, or quote it"
        raise _refusal("yaml-syntax", event, origin, f"the alias {shown} has no anchor before it", remedy)
    found = anchors[event.anchor]
    if found is None:
        raise _refusal("unsafe-yaml", event, origin, f"the alias {shown} stands inside its own anchor", "remove it")
    return found


def _closed(done: _Open, end: Any, origin: Origin) -> Node:
    span = _span(done.event, end, origin)
    if not done.mapping:
        return Sequence(span, tuple(done.children))
    entries: list[tuple[Scalar, Node]] = []
    merge: tuple[Scalar, Node] | None = None
    for key, value in zip(done.children[::2], done.children[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise SourceError("yaml-syntax", key.span, "a key must be a single word", "write 'key: value'")
        if not (key.plain and key.text == "<<"):
            entries.append((key, value))
        elif merge:
            raise _repeated(key, merge[0], "put both into one list: <<: [*a, *b]")
        else:
            merge = (key, value)
    names = {key.text for key, _ in entries}
    for key, value in _merged(merge[1]) if merge else ():
        if key.text not in names:
            names.add(key.text)
            entries.append((key, value))
    return Mapping(span, tuple(entries), merge[1] if merge else None)


def _merged(value: Node) -> Iterator[tuple[Scalar, Node]]:
    """Yield the entries that a merge key brings in, earlier mappings first."""
    for part in value.items if isinstance(value, Sequence) else (value,):
        if not isinstance(part, Mapping):
            raise SourceError("yaml-syntax", part.span, "'<<' merges mappings only", "name an alias of a mapping")
        first: dict[str, Scalar] = {}
        for key, inner in part.entries:
            if key.text in first:
                raise _repeated(key, first[key.text], "keep one of the two")
            first[key.text] = key
            yield key, inner


def _repeated(key: Scalar, first: Scalar, remedy: str) -> SourceError:
    related = (Related(first.span, "first written here"),)
    return SourceError("duplicate-key", key.span, f"{quote(key.text)} is written twice", remedy, related)
