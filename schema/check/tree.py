"""A small interpreter of the generated JSON Schema over the located tree: mappings, lists and unions.

It knows exactly the keywords that `tools/generate` lets through, adds the spellings of numbers that
YAML authors use, and records problems with places instead of raising. It never imports pydantic.
"""

from __future__ import annotations

from typing import Any

from schema.check.findings import FAILED, Failed, Findings, Json, Problem, show
from schema.check.glued import glued_key
from schema.check.leaves import LEADS_OUT, PATTERNS, alternatives, leaf_value, matches, wrong_type
from schema.check.lookalikes import meant_key, meant_value
from schema.check.mixtures import misshapen
from schema.check.otherwise import OTHERWISE, WORDS, by_parts
from schema.check.shorthand import find_cuts, joined_budgets
from schema.check.slips import NO_VALUE, Meant, meant_nothing
from schema.text.diagnostic import Edit, Related
from schema.text.scalars import number
from schema.text.source import Mapping, Node, Path, Scalar, Sequence, same
from schema.text.wording import distance, join, nearest, quote

NOTE = "x-"
NONE = ("None", "nil", "none")  # what other languages write for null
MOST_EDITS = 2  # between a key and the one that a fix may write in its place
# The sizes of every run; a default would be another size than the user's.
SIZES: tuple[Path, ...] = (
    *(("architecture", name) for name in ("n_layers", "n_embd", "n_head", "block_size")),
    ("training", "batch_size"),
)
LEAST_LETTERS = 6  # of a key that is looked for, misspelt, in other sections


def check_value(found: Findings, node: Node, schema: Json, path: Path) -> Any:
    """Check a node and what it holds; return its plain value, written keys only, or FAILED."""
    if isinstance(node, Scalar) and path and not node.text.isascii():
        node = meant_value(found, node, schema, path)
    found.nodes[path] = node
    if "anyOf" in schema:
        return _any_of(found, node, schema, path)
    if schema["type"] == "object":
        return _mapping(found, node, schema, path)
    if schema["type"] == "array":
        return _list(found, node, schema, path)
    return leaf_value(found, node, schema, path)


def hydrate(given: Any, schema: Json) -> Any:
    """Fill a plain value with the defaults of every key that was not written; required keys stay absent."""
    if isinstance(given, list) and "items" in schema:
        return [hydrate(item, schema["items"]) for item in given]
    if not isinstance(given, dict) or schema.get("type") != "object":
        return given
    whole = {name: hydrate(value, property_schema(schema, name) or {}) for name, value in given.items()}
    for name, inner in schema.get("properties", {}).items():
        if name in whole:
            continue
        if "default" in inner:
            whole[name] = inner["default"]
        elif inner.get("type") == "object" and name not in schema.get("required", ()):
            whole[name] = hydrate({}, inner)
    return whole


def property_schema(schema: Json, name: str) -> Json | None:
    """Return the schema of one key of an object, None when the object does not know it."""
    if name.startswith(NOTE):
        return None
    known: Json | None = schema.get("properties", {}).get(name)
    if known is not None:
        return known
    patterns = schema.get("patternProperties", {}).items()
    return next((inner for pattern, inner in patterns if inner is not True and matches(pattern, name)), None)


def _mapping(found: Findings, node: Node, schema: Json, path: Path) -> Any:
    if not isinstance(node, Mapping):
        return wrong_type(found, node, schema, path)
    if any(key.text[:1].isdecimal() for key, _ in node.entries):
        node = _without_cuts(found, node, schema, path)
    values: Json = {}
    unknown: list[Scalar] = []
    for key, child in node.entries:
        name = key.text if key.text.startswith(NOTE) else meant_key(found, key, path)
        inner = (*path, name)
        if name.startswith(NOTE):
            continue
        if inner in found.keys:
            _duplicate(found, key, inner, child)
            continue
        found.keys[inner] = key
        declared = property_schema(schema, name)
        if declared is None:
            unknown.append(key)
            continue
        value = check_value(found, child, declared, inner)
        if not isinstance(value, Failed):
            values[name] = value
    for key in unknown:
        _unknown_key(found, key, schema, path)
    for name in schema.get("required", ()):
        absent = (*path, name)
        if not any(absent in known for known in (found.keys, found.failed, found.undecided)):
            message = f"{show(path)} has no key {quote(name)}, which is required"
            at = found.place(path, found.nodes[path])
            found.problems.append(Problem("missing-key", absent, at, message, f"add '{name}: …'"))
            found.failed.add(absent)
    return values


def _without_cuts(found: Findings, node: Mapping, schema: Json, path: Path) -> Mapping:
    """Return a mapping without the numbers that commas cut; record a problem for each."""
    gone: set[int] = set()
    for cut in find_cuts(node):
        inner = (*path, cut.key.text)
        meant = cut.meant(property_schema(schema, cut.key.text) or {})
        if meant and inner not in found.failed:
            message = f"{show(inner)} is cut by a comma, which ends a value in braces"
            edits = (Edit(cut.span, meant),)
            found.problems.append(
                Problem("wrong-type", inner, cut.span, message, f"write {meant}", certain=True, edits=edits)
            )
            found.failed.add(inner)
            gone.update(map(id, (cut.key, *cut.rest)))
    return Mapping(node.span, tuple(entry for entry in node.entries if id(entry[0]) not in gone), node.merged)


def _duplicate(found: Findings, key: Scalar, path: Path, value: Node) -> None:
    first = Related(found.keys[path].span, "first written here")
    message = f"{show(path)} is written twice"
    either = "either" if path in found.nodes and same(found.nodes[path], value) else ""
    found.problems.append(Problem("duplicate-key", path, key.span, message, "keep one of the two", (first,), either))
    found.failed.add(path)


def _unknown_key(found: Findings, key: Scalar, schema: Json, path: Path) -> None:
    name, inner = key.text, (*path, key.text)
    where = f"in {show(path)}" if path else "at the top of the spec"
    declared = schema.get("properties", {})
    if _written_as_path(found, key, path):
        return
    if not declared:
        allowed = [PATTERNS[pattern] for pattern, value in schema["patternProperties"].items() if value is not True]
        slug = "path-escape" if LEADS_OUT.search(name) else "unknown-key"
        found.report(slug, inner, key, f"{quote(name)} can't be a name {where}", f"write {join(allowed, 'or')}")
        return
    if glued_key(found, key, declared, path):
        return
    absent = [other for other in declared if (*path, other) not in found.keys]
    near, remedy, related = _meant_by(found, name, path, absent)
    if not remedy and (again := nearest(name, [other for other in declared if other not in absent])):
        related = (Related(found.keys[*path, again[0]].span, "written here"),)
        remedy = f"remove it: {quote(again[0])} is written already"
    if not remedy:  # it may be one of these, in words that nobody knows
        found.undecided.update(other for other in SIZES if other[: len(path)] == path)
    remedy = remedy or _elsewhere(found, name, path) or f"remove it; the keys {where} are {', '.join(declared)}"
    meant = near[0] if len(near) == 1 and (name in WORDS or distance(name.lower(), near[0]) <= MOST_EDITS) else ""
    found.problems.append(
        Problem("unknown-key", inner, key.span, f"unknown key {quote(name)} {where}", remedy, related, meant)
    )


def _meant_by(found: Findings, name: str, path: Path, absent: list[str]) -> tuple[list[str], str, tuple[Related, ...]]:
    """The keys beside an unknown one that it may be, else what to write instead; what it may be is undecided."""
    belongs = [other for other in found.schema.named.get(name, ()) if other not in found.keys]
    belongs = belongs if len(belongs) <= 3 else []
    words = [other for other in WORDS.get(name, ()) if other in absent]
    if name in OTHERWISE and not words:
        row = OTHERWISE[name]
        found.undecided.update(tuple(other.split("/")) for other in (*row.keys, *row.undecided) if "NAME" not in other)
        return [], row.remedy(show(path)), ()
    near = words or ([] if belongs or name in path else nearest(name, absent) or by_parts(name, absent))
    found.undecided.update((*path, other) for other in near)
    if near:
        return near, f"write {join([quote(other) for other in near], 'or')}", ()
    found.undecided.update(belongs)
    return [], _belongs(belongs, path) if belongs else "", ()


def _written_as_path(found: Findings, key: Scalar, path: Path) -> bool:
    """Report a key that is written as a path, such as training/lr; False where it is none, or names no key."""
    parts = tuple(key.text.replace(".", "/").split("/"))
    shown = f"{quote(key.text)} {f'in {show(path)}' if path else 'at the top of the spec'}"
    meant = next((each for each in (parts, (*path, *parts)) if _is_declared(found.schema, each)), ())
    if len(parts) < 2 or not meant:
        return False
    section, within = meant[:-1], meant[: len(path)] == path
    if meant in found.keys:
        remedy = f"remove it: {show(meant)} is written already"
    elif section == path:
        remedy = f"write {meant[-1]}"
    elif within and meant[: len(path) + 1] not in found.keys:
        rest = [*map(str, meant[len(path) :])]
        remedy = f"nest the keys: {': {'.join(rest)}: …{'}' * (len(rest) - 1)}"
    else:
        remedy = f"write {meant[-1]} in {show(section)}"
    taken = meant in found.keys or meant in found.undecided
    instead = str(meant[-1]) if section == path and not taken else ""
    found.undecided.add(meant)
    found.problems.append(
        Problem("unknown-key", (*path, key.text), key.span, f"unknown key {shown}", remedy, (), instead, bool(instead))
    )
    return True


def _is_declared(schema: Json | None, path: Path) -> bool:
    """Whether a path of names, free ones too, leads to a key."""
    for part in path:
        schema = property_schema(schema, str(part)) if schema else None
    return schema is not None


def _belongs(places: list[Path], path: Path) -> str:
    """Say where a key belongs that is written in `path`, or return nothing."""
    only = places[0] if len(places) == 1 else ()
    if only and path[: len(only)] == only:
        return f"remove it, and write its keys in {show(only)} itself"
    if len(only) == 1:
        return f"write its keys in {show(only)}, at the top of the spec"
    return f"it belongs to {join([show(place) for place in places], 'or')}" if 0 < len(places) <= 3 else ""


def _elsewhere(found: Findings, name: str, path: Path) -> str:
    """Say where a key that does not belong here belongs, or return nothing."""
    near = [name] if name in found.schema.named else found.schema.near(name) if len(name) >= LEAST_LETTERS else []
    return _belongs([place for place in found.schema.paths.values() if place[-1] in near], path)


def _list(found: Findings, node: Node, schema: Json, path: Path) -> Any:
    if isinstance(node, Scalar) and node.text and node.text == schema.get("word"):
        return [node.text]
    if misshapen(found, node, path):
        return FAILED
    if not isinstance(node, Sequence):
        return wrong_type(found, node, schema, path)
    joined = joined_budgets(node.items) if schema["items"].get("type") == "integer" else ""
    if joined and "_0" in joined:  # [400,000], where the second number would begin with 0
        message = f"{show(path)} is cut by commas: a comma separates two numbers"
        return found.report("wrong-type", path, node, message, f"write {joined}", joined, certain=True)
    least = schema.get("minItems", 0)
    items = [check_value(found, item, schema["items"], (*path, index)) for index, item in enumerate(node.items)]
    if len(items) < least:
        return found.report("out-of-range", path, node, f"{show(path)} is too short", f"list at least {least}")
    return [None if isinstance(item, Failed) else item for item in items]


def _any_of(found: Findings, node: Node, schema: Json, path: Path) -> Any:
    """Take the first option that accepts the node; else explain by the option that the node resembles."""
    numeric = isinstance(node, Scalar) and number(node.text) is not None
    if isinstance(node, Scalar) and node.plain and node.text in NONE and "null" in alternatives(schema["anyOf"]):
        return found.report(
            "wrong-type", path, node, f"{show(path)} is the text {node.text}", "write null", "null", True
        )
    resembled = None
    for option in schema["anyOf"]:
        attempt = Findings(found.schema, keys=found.keys)
        value = check_value(attempt, node, option, path)
        if not isinstance(value, Failed) and not attempt.problems:
            found.nodes |= attempt.nodes
            return value
        free_text = option["type"] == "string" and "const" not in option
        if option["type"] == "array" and isinstance(node, Sequence):
            found.problems += attempt.problems
            found.failed |= attempt.failed
            found.nodes |= attempt.nodes
            return value
        if (numeric and option["type"] in ("integer", "number")) or free_text:
            resembled = attempt
    if resembled is None or not isinstance(node, Scalar) or node.value is None:
        return wrong_type(found, node, schema, path)
    no_value = isinstance(node.value, bool) or node.text.lower() in NO_VALUE
    words = alternatives(schema["anyOf"]) if numeric or no_value else ()
    meant = meant_nothing(node.text, words) if words else None
    found.problems += [_or_words(problem, meant, words) if words else problem for problem in resembled.problems]
    if meant:  # the rest is judged as what was meant
        return None if meant.text == "null" else meant.text
    found.failed |= resembled.failed
    return FAILED


def _or_words(problem: Problem, meant: Meant | None, words: tuple[str, ...]) -> Problem:
    """Say that a number which is refused may be a word too: never for 0, null for -1."""
    if not meant:
        return problem._replace(remedy=f"{problem.remedy}, or {join(words, 'or')}")
    return problem._replace(
        remedy=f"write {meant.text}, or {problem.remedy.removeprefix('write ')}",
        instead=meant.text,
        certain=meant.certain,
    )
