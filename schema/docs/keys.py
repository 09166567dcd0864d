"""The keys of a spec as the generated JSON Schema describes them: type, default, limits, unit, one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from schema.check.findings import Json
from schema.check.leaves import KINDS, PATTERNS, limits
from schema.check.tree import property_schema
from schema.text.scalars import written
from schema.text.wording import join

MANY = {
    "array": "lists of ",
    "boolean": "true or false",
    "integer": "whole numbers",
    "null": "null",
    "number": "numbers",
    "object": "mappings",
    "string": "texts",
}
FREE = "NAME"  # stands for a name that the user chooses


@dataclass(frozen=True, slots=True)
class Key:
    """One key: where it may stand, what it takes, and what it is for.

    `places` are paths such as training/pre_lora_dataset[][]/rate; the keys of a mixture stand in several. `default` is
    YAML, None where the key must be written. `change` says whether a run that has started may resume with another value
    (`schema.changes`). `within` are the keys below it.
    """

    places: tuple[str, ...]
    kind: str
    default: str | None
    limits: str
    unit: str
    change: str
    doc: str
    within: tuple[Key, ...] = ()

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.places[0].rpartition("/")[2]

    @property
    def takes(self) -> str:
        """Type and limits in one: a whole number, at least 1."""
        return ", ".join(filter(None, (self.kind, self.limits)))


def declared_keys(schema: Json) -> tuple[Key, ...]:
    """Return the sections of a spec, in the order of the schema, each with the keys below it."""
    return _within(schema, "")


def every_key(keys: tuple[Key, ...]) -> Iterator[Key]:
    """Yield keys and all keys below them."""
    for key in keys:
        yield key
        yield from every_key(key.within)


def find_keys(schema: Json, name: str) -> list[Key]:
    """Return what a path, or its end, stands for; list indexes may be written or left out.

    A key that stands in several places comes once, with all of them.
    """
    wanted = _bare(name).split("/")
    found: dict[Key, Key] = {}
    for key in every_key(declared_keys(schema)):
        path = _bare(key.places[0]).split("/")
        if len(path) == len(wanted) and all(own in (asked, FREE) for own, asked in zip(path, wanted, strict=True)):
            return [key]
        if path[-len(wanted) :] == wanted:
            same = replace(key, places=())
            before = found[same].places if same in found else ()
            found[same] = replace(key, places=(*before, *key.places))
    return list(found.values())


def _bare(path: str) -> str:
    return re.sub(r"\[\d*\]", "", path).strip("/")


def _within(schema: Json, above: str) -> tuple[Key, ...]:
    """The keys of a mapping, looked for through lists."""
    inside = above
    while schema.get("type") == "array":
        schema, inside = schema["items"], f"{inside}[]"
    names = [*schema.get("properties", {})]
    free = [inner for inner in schema.get("patternProperties", {}).values() if inner is not True]
    keys = [(name, property_schema(schema, name) or {}) for name in names] + [(FREE, inner) for inner in free]
    required = schema.get("required", ())
    prefix = f"{inside}/" if inside else ""
    return tuple(_key(inner, f"{prefix}{name}", name in required) for name, inner in keys)


def _key(schema: Json, place: str, required: bool) -> Key:
    within = _within(schema, place)
    default = None if required or "default" not in schema else written(schema["default"])
    doc = schema.get("description", "")
    kind, unit = join(_kinds(schema), "or"), schema.get("unit", "")
    change = schema.get("change", "")
    return Key((place,), kind, default, _limits(schema), unit, change, _prose(doc), within)


def _prose(doc: str) -> str:
    """A section's docstring begins with its path, which stands above it already."""
    text = re.sub(r"^[a-zA-Z_/]+: ", "", doc)
    return text[:1].upper() + text[1:]


def _kinds(schema: Json) -> list[str]:
    """Name the types that a value may have, or the choices."""
    if "anyOf" in schema:
        return [kind for option in schema["anyOf"] for kind in _kinds(option)]
    if schema["type"] == "array":
        return [*([schema["word"]] if "word" in schema else []), f"a list of {_many(schema['items'])}"]
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return [str(choice) for choice in choices] or [KINDS[schema["type"]]]


def _many(schema: Json) -> str:
    inner = _many(schema["items"]) if schema["type"] == "array" else ""
    return MANY[schema["type"]] + inner


def _limits(schema: Json) -> str:
    """What else is asked of a value; of each item of a list."""
    if "anyOf" in schema:
        return join([words for option in schema["anyOf"] if (words := _limits(option))] or [""], "or")
    if schema["type"] == "array":
        inner = _limits(schema["items"])
        return f"each {inner}" if inner and not inner.startswith("each ") else inner
    if schema["type"] == "string":
        if "pattern" in schema:
            return f"made of {PATTERNS[schema['pattern']]}"
        return "not empty" if schema.get("minLength") else "in any case" if schema.get("any_case") else ""
    return limits(schema)
