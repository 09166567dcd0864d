"""Checks of single values: numbers in all their spellings, text, choices, true and false."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from schema.check.choices import instead_of, synonym
from schema.check.findings import FAILED, Failed, Findings, Json, Problem, describe, show
from schema.check.glued import glued_lines
from schema.check.shorthand import meant_at_length
from schema.check.slips import UNITS, Meant, is_of_another_unit, meant_nothing, meant_number, meant_truth
from schema.text.scalars import NO, YES, number, spelled
from schema.text.source import Node, Path, Scalar
from schema.text.wording import join, nearest, quote

VARIABLE = re.compile(r"\$\{?\w+\}?|\{\{")  # of a shell or a template
LARGEST = 2**63 - 1
# Patterns of what becomes the name of a folder, and what would lead out of it.
FOLDER_NAMES = (r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$", r"^[A-Za-z0-9._-]*$")
LEADS_OUT = re.compile(r"[/\\]|^\.\.$")
# What each pattern of the sections allows, in words; tools/generate refuses a pattern that is not here.
PATTERNS = {
    r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$": "letters, digits, '.', '_' and '-', not starting with '.'",
    r"^[A-Za-z0-9._-]*$": "letters, digits, '.', '_' and '-'",
    r"^.+_ppl$": "the name of a dataset and _ppl, such as fineweb_ppl",
}
KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def matches(pattern: str, text: str) -> bool:
    """Whether a text meets a pattern of the schema, whose $ is the very end of the text."""
    return re.search(pattern.replace("$", r"\Z"), text) is not None


def leaf_value(found: Findings, node: Node, schema: Json, path: Path) -> Any:
    """Check a node against the schema of a single value."""
    kind = schema["type"]
    if not isinstance(node, Scalar):
        return wrong_type(found, node, schema, path)
    if kind in ("integer", "number"):
        return _number(found, node, schema, path)
    if kind == "string":
        return _text(found, node, schema, path)
    wanted = bool if kind == "boolean" else type(None)
    return node.value if isinstance(node.value, wanted) else wrong_type(found, node, schema, path)


def wrong_type(found: Findings, node: Node, schema: Json, path: Path) -> Failed:
    """Report a node of another type than the schema declares."""
    wanted = join([*_kinds(schema)], "or")
    remedy, kind, instead, certain = f"write {wanted}", schema.get("type"), "", False
    if kind == "object" and isinstance(node, Scalar) and glued_lines(found, node, path):
        return FAILED
    meant = meant_at_length(node, schema, path) or (_meant(node, schema, path) if isinstance(node, Scalar) else None)
    if meant:
        instead, certain = meant
        remedy = f"write a list: {instead}" if kind == "array" else f"write {instead}"
    elif kind == "string" and "enum" in schema:
        remedy = f"write {join(schema['enum'], 'or')}"
    elif isinstance(node, Scalar):
        if VARIABLE.search(node.text):
            what = f"--set {show(path)}=…"
            remedy = f"write the value: variables are not read in a spec, and {what} gives one on the command line"
        elif (unit := _unit(schema, path)) in (*UNITS, "share") and is_of_another_unit(node.text, unit):
            remedy = f"write {wanted}, {'a share of 1' if unit == 'share' else f'in {unit}'}"
        elif kind == "array" and node.value is not None:
            bare = node.text.strip("()\u201c\u201d")
            instead = f"[{node.text}]" if node.plain and bare == node.text else ""
            remedy = f"write a list: [{quote(bare)[1:-1]}{', …' if bare != node.text else ''}]"
        elif kind == "string" and node.value is not None:
            remedy = f'quote it: "{quote(node.text)[1:-1]}"'
        elif kind == "object" and node.value is None:
            remedy = "write its keys below it, or remove it"
        elif near := _near_choice(node, schema):
            remedy = f"write {near}"
    elif path[:2] == ("data", "sources") and path[-1] == "path":
        remedy = "name a folder of the files or a pattern such as texts/*.txt, or give each file a source of its own"
    elif kind == "array":
        remedy = "write a list: put it in [ ] or start each entry with '-'"
    what = show(path) if path else "the spec"
    slug = "suffix-not-text" if isinstance(node, Scalar) and schema.get("pattern") in FOLDER_NAMES else "wrong-type"
    return found.report(
        slug, path, node, f"{what} is {describe(node)}, and {wanted} is wanted", remedy, instead, certain
    )


def _unit(schema: Json, path: Path) -> str:
    """What a number counts; budgets, which alone stand in lists, count tokens."""
    return str(schema.get("unit", "tokens" if path and isinstance(path[-1], int) else ""))


def _meant(node: Scalar, schema: Json, path: Path) -> Meant | None:
    """What a single value of another type was meant to be, where its text says so."""
    options = schema.get("anyOf", [schema])
    if _takes_boolean(schema) and node.text.lower() in (*YES, *NO):
        return Meant("true" if node.text.lower() in YES else "false")
    if _takes_boolean(schema) and (truth := meant_truth(node.text)):
        return Meant(truth)
    numbers = [option for option in options if option.get("type") in ("integer", "number")]
    if not numbers or not node.text:
        return None
    return meant_nothing(node.text, alternatives(options)) or meant_number(
        node.text, {**numbers[0], "unit": _unit(schema, path)}
    )


def alternatives(options: Sequence[Json]) -> tuple[str, ...]:
    """The words that a key takes in place of a number: never, null."""
    words = (option.get("const", "null" if option.get("type") == "null" else "") for option in options)
    return tuple(str(word) for word in words if word)


def _takes_boolean(schema: Json) -> bool:
    return any(option.get("type") == "boolean" for option in schema.get("anyOf", [schema]))


def _near_choice(node: Scalar, schema: Json) -> str:
    near = nearest(node.text, [option["const"] for option in schema.get("anyOf", ()) if "const" in option])
    return near[0] if near else ""


def _kinds(schema: Json) -> Iterator[str]:
    for option in schema.get("anyOf", [schema]):
        yield str(option["const"]) if "const" in option else KINDS[option["type"]]


def _number(found: Findings, node: Scalar, schema: Json, path: Path) -> Any:
    value, whole = number(node.text), schema["type"] == "integer"
    shown = quote(node.text)[1:-1]
    if value is None or isinstance(node.value, bool):
        return wrong_type(found, node, schema, path)
    if not node.plain:
        message = f"{show(path)} is text: the number {shown} stands in quotes"
        return found.report("number-as-text", path, node, message, f"write {shown} without quotes", shown)
    if whole and isfinite(value) and not isinstance(value, int):
        message = f"{show(path)} is {shown}, and a whole number is wanted"
        return found.report("wrong-type", path, node, message, f"write {bounds(schema)}")
    converted = value if whole else float(value)
    if not isfinite(converted) or (whole and abs(converted) > LARGEST):
        message = f"{show(path)} is {shown}, beyond the numbers that a run can use"
        return found.report("out-of-range", path, node, message, f"write {bounds(schema)}")
    if not _within(converted, schema):
        message, remedy, instead = f"{show(path)} is {shown}, outside its range", f"write {bounds(schema)}", ""
        if converted == -1 and schema.get("minimum") == 0:  # others' word for none
            instead, remedy = "0", f"write 0, or {bounds(schema)}"
        elif schema.get("unit") == "share" and 1 < converted <= 100:
            instead = spelled(converted / 100)
            remedy = f"{remedy}: {shown} % is {instead}"
        elif instead := _with_minus(node.text, schema):
            remedy = f"write {instead}, or another number {limits(schema)}"
        return found.report("out-of-range", path, node, message, remedy, instead)
    return converted


def _with_minus(text: str, schema: Json) -> str:
    """Read 3e4 as 3e-4, where that is in range: the sign of the exponent is soon forgotten; empty where it is not."""
    mantissa, exponent, power = text.lower().partition("e")
    near = f"{mantissa}e-{power.removeprefix('+')}" if exponent and schema["type"] == "number" else ""
    value = number(near)
    return near if isinstance(value, float) and _within(value, schema) else ""


def _within(value: float, schema: Json) -> bool:
    return (
        ("minimum" not in schema or value >= schema["minimum"])
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("maximum" not in schema or value <= schema["maximum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        and ("not" not in schema or value != schema["not"]["const"])
    )


def bounds(schema: Json) -> str:
    """Say which numbers a key takes: a whole number, at least 1."""
    return ", ".join(filter(None, (KINDS[schema["type"]], limits(schema))))


def limits(schema: Json) -> str:
    """Say how large and small a number may be; nothing where it may be any."""
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    found = " and ".join(f"{word} {schema[name]}" for name, word in words.items() if name in schema)
    never = f"but not {schema['not']['const']}" if "not" in schema else ""
    return ", ".join(filter(None, (found, never)))


def _text(found: Findings, node: Scalar, schema: Json, path: Path) -> Any:
    if isinstance(node.value, bool) and (now := schema.get("former", {}).get(str(node.value).lower())):
        return _former(found, node, now, path)
    if not isinstance(node.value, str):
        return wrong_type(found, node, schema, path)
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices:
        return _choice(found, node, choices, schema, path)
    if len(node.value) < schema.get("minLength", 0):
        return found.report("out-of-range", path, node, f"{show(path)} is empty", "write at least one character")
    if "pattern" in schema and not matches(schema["pattern"], node.value):
        slug, remedy = "invalid-choice", f"write {PATTERNS[schema['pattern']]}"
        if schema["pattern"] in FOLDER_NAMES and LEADS_OUT.search(node.value):
            slug, remedy = "path-escape", f"{remedy}; files elsewhere are named in data/sources/NAME/path"
        return found.report(slug, path, node, f"{show(path)} can't be {quote(node.value)}", remedy)
    return node.value


def _former(found: Findings, node: Scalar, now: str, path: Path) -> str:
    message = f"{show(path)} {node.text} is called {now} since version 0.1"
    found.problems.append(Problem("deprecated-key", path, node.span, message, f"write {now}", instead=now))
    return now


def _choice(found: Findings, node: Scalar, choices: list[str], schema: Json, path: Path) -> Any:
    if node.text in choices:
        return node.text
    if schema.get("any_case") and node.text.upper() in choices:
        message = f"{show(path)} is written {quote(node.text)}"
        upper = node.text.upper()
        found.problems.append(Problem("style-case", path, node.span, message, f"write {upper}", instead=upper))
        return node.text.upper()
    known, other = synonym(node.text, choices), instead_of(str(path[-1]), node.text)
    near = [] if other else [known] if known else nearest(node.text, choices)
    listed = "" if len(near or choices) == len(choices) else f"; the choices are {', '.join(choices)}"
    message = f"{show(path)} can't be {quote(node.text)}{listed}"
    remedy = other or f"write {join(near or choices, 'or')}"
    return found.report("invalid-choice", path, node, message, remedy, near[0] if len(near) == 1 else "")
