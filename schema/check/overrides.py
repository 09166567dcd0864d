"""`--set key=value` arguments, spliced into the tree before it is checked, so that findings point at them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schema.check.findings import Findings, Json, Problem
from schema.check.renamed import RENAMED
from schema.check.tree import NOTE, property_schema
from schema.text.diagnostic import Related, Span
from schema.text.letters import in_plain_letters, named, strange
from schema.text.secrets import hide
from schema.text.source import Mapping, Node, Scalar, origin_of, point, read_node
from schema.text.wording import join, nearest, quote

SLUG = "override-without-target"


def splice(found: Findings, tree: Mapping, overrides: Sequence[str]) -> Mapping:
    """Return the tree with every override in its place; record a problem for each that has none.

    Raises SourceError where a value is not YAML.
    """
    seen: dict[str, Span] = {}
    for argument in overrides:
        keys, node = _parsed(found, argument)
        if node is None:
            continue
        name = "/".join(key.text for key in keys)
        if name in seen:
            message = f"{name} is set twice on the command line"
            first = Related(seen[name], "first set here")
            path = tuple(key.text for key in keys)
            found.problems.append(
                Problem("duplicate-key", path, keys[0].span, message, "keep one of the two", (first,))
            )
            continue
        below = next((other for other in seen if other.startswith(f"{name}/")), None)
        if below is not None:
            message = f"{name} replaces {below}, which the command line sets too"
            first = Related(seen[below], "set here")
            path = tuple(key.text for key in keys)
            found.problems.append(
                Problem("duplicate-key", path, keys[0].span, message, f"put {below} into the value", (first,))
            )
            continue
        seen[name] = keys[0].span
        tree = _spliced(tree, keys, node)
    return tree


def _parsed(found: Findings, argument: str) -> tuple[list[Scalar], Node | None]:
    """Split one argument into its keys and its value; without a value, a problem has been recorded."""
    shown, _ = hide(argument)
    origin, argument = origin_of(f"--set {shown}", argument), shown
    name, equals, text = argument.partition("=")
    whole = Span(origin, 1, 1, 1, max(2, len(origin.lines[0]) + 1))
    if not equals or not name:
        _refuse(found, whole, f"{quote(argument)} is not KEY=VALUE", f"write --set {_example(found, name)}")
        return [], None
    keys, column = [], 1
    for part in name.split("/"):
        span = Span(origin, 1, column, 1, column + max(1, len(part)))
        keys.append(Scalar(span, part, True, part))
        column += len(part) + 1
    span = Span(origin, 1, 1, 1, len(name) + 1)
    if not _has_place(found, keys):
        _refuse(found, span, f"no key {quote(name)} exists", _remedy(found, name))
        return [], None
    # Spaces in place of the key make the parser count columns of the whole argument.
    node = read_node(" " * (len(name) + 1) + text, origin)
    return keys, node or Scalar(point(origin, 1, len(argument) + 1), "", True, None)


def _has_place(found: Findings, keys: Sequence[Scalar]) -> bool:
    """Whether the spec declares a key, or it is a note in a section that is declared, or below such a note."""
    schema: Json | None = found.schema
    for key in keys:
        if key.text.startswith(NOTE) and schema and schema.get("type") == "object":
            return all(each.text for each in keys)
        schema = property_schema(schema, key.text) if schema else None
    return schema is not None


def _example(found: Findings, argument: str) -> str:
    """The argument with an equals sign, where it has another sign or a space in its place."""
    written = re.match(r"(?P<name>[\w/.-]+?) *(?::=?|->|\s) *(?P<value>\S.*)", argument)
    if written:
        name = written["name"].replace(".", "/")
        return f"{name}={written['value']}" if name in found.schema.paths else f"{argument}=8"
    return f"{argument or 'training/batch_size'}=8"


def _refuse(found: Findings, span: Span, message: str, remedy: str) -> None:
    found.problems.append(Problem(SLUG, (), span, message, remedy))


def _remedy(found: Findings, name: str) -> str:
    paths = list(found.schema.paths)
    plain = in_plain_letters(name)
    slashed = re.sub(r"[.:]", "/", plain).strip(" -/")
    if slashed in paths:
        letters = list(strange(name))
        if letters:
            return f"write {slashed}, without {named(letters)}"
        how = ", with slashes" if slashed != name.strip(" -/") else ""
        return f"write {slashed}{how}"
    if slashed in RENAMED:
        return f"write {RENAMED[slashed].key}"
    if "[" in name and name.partition("[")[0] in paths:
        return f"set the whole list {name.partition('[')[0]}"
    near = nearest(slashed, paths) or [path for path in paths if path.rsplit("/", 1)[-1] == slashed]
    parent, _, last = slashed.rpartition("/")
    if not near:
        near = nearest(last, [path.rsplit("/", 1)[-1] for path in paths if path.rpartition("/")[0] == parent])
        near = [f"{parent}/{one}" if parent else one for one in near]
    return f"write {join(near, 'or')}" if near else "write a key of the spec, such as training/batch_size"


def _spliced(mapping: Mapping, keys: Sequence[Scalar], node: Node) -> Mapping:
    """Set one path below a mapping; a value that is no mapping on the way is left for the check to report."""
    key, rest = keys[0], keys[1:]
    entries = list(mapping.entries)
    names = [other.text for other, _ in entries]
    if key.text not in names:
        entries.append((key, _nested(rest, node)))
        return Mapping(mapping.span, tuple(entries))
    index = names.index(key.text)
    old_key, old = entries[index]
    if not rest:
        entries[index] = (key, node)
    elif isinstance(old, Mapping):
        entries[index] = (old_key, _spliced(old, rest, node))
    elif isinstance(old, Scalar) and old.value is None:
        entries[index] = (old_key, _nested(rest, node))
    return Mapping(mapping.span, tuple(entries))


def _nested(keys: Sequence[Scalar], node: Node) -> Node:
    for key in reversed(keys):
        node = Mapping(key.span, ((key, node),))
    return node
