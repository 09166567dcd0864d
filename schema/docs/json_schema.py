"""The JSON Schema of a spec, draft 2020-12, made from the typed sections: the linter checks by it, and so do editors.

This is the only module of schema/docs that loads pydantic; everybody else reads the file that it was written to.
"""

from __future__ import annotations

import json
from typing import Any

from schema.check.findings import Json
from schema.check.leaves import PATTERNS
from schema.docs.keys import FREE
from schema.spec import Spec
from schema.text.scalars import NUMBER_AS_TEXT

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "urn:lorarun:spec"
# What schema/check/tree.py and schema/check/leaves.py act on, and what is documentation only.
KEYWORDS = {
    *("$ref", "anyOf", "type", "properties", "required", "additionalProperties", "patternProperties", "items"),
    *("enum", "const", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "pattern"),
    *("minItems", "default", "description", "unit", "change", "any_case", "former", "not", "word"),
}
TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
NUMBERS = {"integer": "a whole number, such as 512, 300_000 or 300M", "number": "a number, such as 0.5 or 3.0e-4"}


class SectionError(ValueError):
    """Something in a section that the linter would not check; `str()` says where and what to do."""


def json_schema() -> Json:
    """Return the JSON Schema of Spec, in the keywords that the linter interprets; raise SectionError."""
    whole = Spec.model_json_schema()
    parts = {name: _cleaned(part, name) for name, part in whole.pop("$defs").items()}
    schema = {"$schema": DIALECT, "$id": NAME, "title": "lorarun spec", **_cleaned(whole, "Spec"), "$defs": parts}
    _entitle(schema, schema, "", set())
    return schema


def json_schema_text() -> str:
    """Return the text of spec.schema.json."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _cleaned(schema: dict[str, Any], where: str) -> Json:
    """Open objects for notes only, let numbers be written with a suffix, and refuse what the linter would not check."""
    found = {name: value for name, value in schema.items() if name != "title"}  # pydantic's titles are Python names
    if unknown := found.keys() - KEYWORDS:
        raise SectionError(f"{where}: teach schema/check/tree.py the keyword {sorted(unknown)[0]!r} first")
    if not {"$ref", "anyOf"} & found.keys() and found.get("type") not in TYPES:
        raise SectionError(f"{where}: the type {found.get('type')!r} is not one the linter knows")
    patterns = {name: _cleaned(part, where) for name, part in found.get("patternProperties", {}).items()}
    used = patterns.keys() | ({found["pattern"]} if "pattern" in found else set())
    if unsaid := used - PATTERNS.keys():
        raise SectionError(f"{where}: say in schema/check/leaves.py what the pattern {sorted(unsaid)[0]!r} allows")
    if found.get("type") in NUMBERS:
        found |= _number(found["type"])
    if "anyOf" in found:
        found["anyOf"] = [_cleaned(option, where) for option in found["anyOf"]]
    if "items" in found:
        found["items"] = _cleaned(found["items"], where)
    if "word" in found:  # which editors take alone; the linter goes by the first type
        found |= {"type": ["array", "string"], "pattern": f"^{found['word']}$"}
    if "properties" in found:
        found["properties"] = {name: _cleaned(part, f"{where}/{name}") for name, part in found["properties"].items()}
    if found.get("type") == "object":
        found |= {"patternProperties": {**patterns, "^x-": True}, "additionalProperties": False}
    return found


def _number(kind: str) -> Json:
    """A number for editors: 300M and 300_000 are text to them. The linter goes by the first type alone."""
    return {"type": [kind, "string"], "pattern": NUMBER_AS_TEXT, "patternErrorMessage": f"Write {NUMBERS[kind]}."}


def _entitle(schema: Json, node: Json, place: str, seen: set[str]) -> None:
    """Give each key a title, which editors show above its description: its path, and its unit.

    The keys of a definition that is used in several places, such as an entry of a mixture, are called by their name.
    """
    while "items" in node:
        node, place = node["items"], f"{place}[]"
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        node, place = schema["$defs"][name], "" if name in seen else place
        seen.add(name)
    prefix = f"{place}/" if place else ""
    for name, inner in node.get("properties", {}).items():
        unit = f" ({inner['unit']})" if "unit" in inner else ""
        node["properties"][name] = {"title": "", **inner} | {"title": f"{prefix}{name}{unit}"}
        _entitle(schema, inner, f"{prefix}{name}", seen)
    for inner in node.get("patternProperties", {}).values():
        if inner is not True:
            _entitle(schema, inner, f"{prefix}{FREE}", seen)
