"""What a check of a tree collects: places of nodes and keys, problems, and the paths left without a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schema.check.declared import Declared
from schema.text.diagnostic import Diagnostic, Edit, Fix, Related, Severity, Span
from schema.text.source import Mapping, Node, Path, Scalar, Sequence
from schema.text.wording import quote

Json = dict[str, Any]


class Problem(NamedTuple):
    """Something the schema forbids, under the slug of the rule that reports it.

    `instead` is the one text that can replace the value, or the key where that is wrong; empty when
    there are several or none. `edits` write what is meant where that is more than one text. `certain` where nothing
    else can have been meant.
    """

    slug: str
    path: Path
    span: Span
    message: str
    remedy: str
    related: tuple[Related, ...] = ()
    instead: str = ""
    certain: bool = False
    edits: tuple[Edit, ...] = ()

    def diagnostic(self, code: str, slug: str, severity: Severity, fix: Fix | None = None) -> Diagnostic:
        """The finding that a rule makes of this problem."""
        return Diagnostic(code, slug, severity, self.span, self.message, self.remedy, self.related, fix)


class Unavailable(Exception):  # noqa: N818  no error: the finding exists already
    """A value that failed an earlier check: whoever needs it has nothing to say."""


class Failed:
    """Stands where a value should be and could not be read."""


FAILED = Failed()


@dataclass(slots=True)
class Findings:
    """The state of one check: the schema it follows, and what it has met so far.

    `undecided` are paths that something which was refused may have meant; those that are not written have no value.
    """

    schema: Declared
    problems: list[Problem] = field(default_factory=list)
    nodes: dict[Path, Node] = field(default_factory=dict)
    keys: dict[Path, Scalar] = field(default_factory=dict)
    failed: set[Path] = field(default_factory=set)
    undecided: set[Path] = field(default_factory=set)

    def report(
        self, slug: str, path: Path, node: Node, message: str, remedy: str, instead: str = "", certain: bool = False
    ) -> Failed:
        """Record a problem that leaves no value at `path`."""
        place = self.place(path, node)
        self.problems.append(Problem(slug, path, place, message, remedy, instead=instead, certain=certain))
        self.failed.add(path)
        return FAILED

    def decide(self) -> None:
        """End a check: what is undecided and was not written has no value."""
        self.failed |= {path for path in self.undecided if path not in self.nodes}

    def place(self, path: Path, node: Node) -> Span:
        """Where a finding about a node points: a scalar itself; a collection's key, else its start."""
        if isinstance(node, Scalar):
            return node.span if node.text or path not in self.keys else self.keys[path].span
        return self.keys[path].span if path in self.keys else _first_line(node)


def _first_line(node: Node) -> Span:
    """The part of a collection that its first line holds, without the comment behind it."""
    line, end, waiting = node.span.line, node.span.column + 1, [node]
    while waiting:
        part = waiting.pop()
        if part.span.line == part.span.end_line == line:
            end = max(end, part.span.end_column)
        elif isinstance(part, Mapping):
            waiting += [inner for entry in part.entries[:1] for inner in entry]
        elif isinstance(part, Sequence):
            waiting += part.items[:1]
    return node.span._replace(end_line=line, end_column=end)


def show(path: Path) -> str:
    """Write a path as the user would: training/pre_lora_tokens[0]."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path).lstrip("/")
    return shown if len(shown) <= 120 and shown.isprintable() else quote(shown)


def describe(node: Node) -> str:
    """Say what kind of value a node is, as found in the text."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if not isinstance(node.value, str):
        return "empty" if not node.text else quote(node.text)[1:-1]
    return f"the text {quote(node.text)}"
