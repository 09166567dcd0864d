"""Checks of single values: numbers in all their spellings, text, choices, true and false."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from schema.findings import Failed, Findings, Json, Path, Problem, describe, show
from schema.scalars import number
from schema.source import Node, Scalar
from schema.wording import join, nearest, quote

LARGEST = 2**63 - 1
YES, NO = ("yes", "on", "y", "true"), ("no", "off", "n", "false")
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
    wanted = join([*_kinds(found, schema)], "or")
    remedy, kind = f"write {wanted}", schema.get("type")
    if isinstance(node, Scalar):
        if kind == "boolean" and node.text.lower() in (*YES, *NO):
            remedy = f"write {'true' if node.text.lower() in YES else 'false'}"
        elif kind == "array" and node.value is not None:
            remedy = f"write a list: [{quote(node.text)[1:-1]}]"
        elif kind == "string" and node.value is not None:
            remedy = f'quote it: "{quote(node.text)[1:-1]}"'
        elif kind == "object" and node.value is None:
            remedy = "write its keys below it, or remove it"
        elif _near_choice(found, node, schema):
            remedy = f"write {_near_choice(found, node, schema)}"
    elif kind == "array":
        remedy = "write a list: put it in [ ] or start each entry with '-'"
    what = show(path) if path else "the spec"
    return found.report("wrong-type", path, node, f"{what} is {describe(node)}, and {wanted} is wanted", remedy)


def _near_choice(found: Findings, node: Scalar, schema: Json) -> str:
    options = (found.resolved(option) for option in schema.get("anyOf", ()))
    near = nearest(node.text, [option["const"] for option in options if "const" in option])
    return near[0] if near else ""


def _kinds(found: Findings, schema: Json) -> Iterator[str]:
    for option in schema.get("anyOf", [schema]):
        resolved = found.resolved(option)
        yield str(resolved["const"]) if "const" in resolved else KINDS[resolved["type"]]


def _number(found: Findings, node: Scalar, schema: Json, path: Path) -> Any:
    value, whole = number(node.text), schema["type"] == "integer"
    shown = quote(node.text)[1:-1]
    if value is None or isinstance(node.value, bool):
        return wrong_type(found, node, schema, path)
    if not node.plain:
        message = f"{show(path)} is text: the number {shown} stands in quotes"
        return found.report("number-as-text", path, node, message, f"write {shown} without quotes")
    if whole and isfinite(value) and not isinstance(value, int):
        message = f"{show(path)} is {shown}, and a whole number is wanted"
        return found.report("wrong-type", path, node, message, f"write {bounds(schema)}")
    converted = value if whole else float(value)
    if not isfinite(converted) or (whole and abs(converted) > LARGEST):
        message = f"{show(path)} is {shown}, beyond the numbers that a run can use"
        return found.report("out-of-range", path, node, message, f"write {bounds(schema)}")
    if not _within(converted, schema):
        message = f"{show(path)} is {shown}, outside its range"
        return found.report("out-of-range", path, node, message, f"write {bounds(schema)}")
    return converted


def _within(value: float, schema: Json) -> bool:
    return (
        ("minimum" not in schema or value >= schema["minimum"])
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("maximum" not in schema or value <= schema["maximum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )


def bounds(schema: Json) -> str:
    """Say which numbers a key takes: a whole number, at least 1."""
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {schema[name]}" for name, word in words.items() if name in schema]
    return KINDS[schema["type"]] + (f", {' and '.join(limits)}" if limits else "")


def _text(found: Findings, node: Scalar, schema: Json, path: Path) -> Any:
    if not isinstance(node.value, str):
        return wrong_type(found, node, schema, path)
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices:
        return _choice(found, node, choices, schema, path)
    if len(node.value) < schema.get("minLength", 0):
        return found.report("out-of-range", path, node, f"{show(path)} is empty", "write at least one character")
    if "pattern" in schema and not matches(schema["pattern"], node.value):
        message = f"{show(path)} can't be {quote(node.value)}"
        return found.report("invalid-choice", path, node, message, f"write {PATTERNS[schema['pattern']]}")
    return node.value


def _choice(found: Findings, node: Scalar, choices: list[str], schema: Json, path: Path) -> Any:
    if node.text in choices:
        return node.text
    if schema.get("any_case") and node.text.upper() in choices:
        message = f"{show(path)} is written {quote(node.text)}"
        found.problems.append(Problem("style-case", path, node.span, message, f"write {node.text.upper()}"))
        return node.text.upper()
    near = nearest(node.text, choices)
    listed = "" if len(near or choices) == len(choices) else f"; the choices are {', '.join(choices)}"
    message = f"{show(path)} can't be {quote(node.text)}{listed}"
    return found.report("invalid-choice", path, node, message, f"write {join(near or choices, 'or')}")
