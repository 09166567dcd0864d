"""What a check of a tree collects: places of nodes and keys, problems, and the paths left without a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schema.diagnostic import Diagnostic, Related, Severity, Span
from schema.source import Mapping, Node, Scalar, Sequence
from schema.wording import quote

Path = tuple[str | int, ...]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the schema forbids, under the slug of the rule that reports it."""

    slug: str
    path: Path
    span: Span
    message: str
    remedy: str
    related: tuple[Related, ...] = ()

    def diagnostic(self, code: str, slug: str, severity: Severity) -> Diagnostic:
        """The finding that a rule makes of this problem."""
        return Diagnostic(code, slug, severity, self.span, self.message, self.remedy, self.related)


class Failed:
    """Stands where a value should be and could not be read."""


FAILED = Failed()


@dataclass(slots=True)
class Findings:
    """The state of one check: the schema it follows, and what it has met so far."""

    schema: Json
    problems: list[Problem] = field(default_factory=list)
    nodes: dict[Path, Node] = field(default_factory=dict)
    keys: dict[Path, Scalar] = field(default_factory=dict)
    failed: set[Path] = field(default_factory=set)

    def resolved(self, schema: Json) -> Json:
        """Follow `$ref`; keywords beside it win."""
        if "$ref" not in schema:
            return schema
        target = self.schema["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        return {**self.resolved(target), **{name: value for name, value in schema.items() if name != "$ref"}}

    def report(self, slug: str, path: Path, node: Node, message: str, remedy: str) -> Failed:
        """Record a problem that leaves no value at `path`."""
        self.problems.append(Problem(slug, path, self.place(path, node), message, remedy))
        self.failed.add(path)
        return FAILED

    def place(self, path: Path, node: Node) -> Span:
        """Where a finding about a node points: a scalar itself; a collection's key, else its start."""
        if isinstance(node, Scalar):
            return node.span if node.text or path not in self.keys else self.keys[path].span
        return self.keys[path].span if path in self.keys else node.span


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
