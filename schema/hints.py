"""What an editor shows while a spec is written: what a key means, and what can be written at a place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schema.check import property_schema
from schema.cursor import cursor_at, key_path
from schema.docs.keys import Key, find_keys
from schema.document import Document, load_schema
from schema.findings import Findings, Json, Path, show
from schema.rules import RULES
from schema.scalars import written
from schema.suppression import COMMENT


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that can be written: its name, the text to insert, and its documentation in Markdown."""

    name: str
    text: str
    documentation: str
    is_key: bool


class Hints:
    """Answers from the schema, which is read once."""

    def __init__(self) -> None:
        self._found = Findings(load_schema())

    def hover(self, lines: Sequence[str], line: int, column: int, document: Document | None = None) -> str:
        """Return what stands at a place (from 0), in Markdown; empty where there is nothing to say.

        With the document that the lines gave, keys of flow mappings are found too.
        """
        text = lines[line] if line < len(lines) else ""
        for comment in COMMENT.finditer(text):
            for word in re.finditer(r"[^\s,]+", comment["slugs"] or ""):
                start = comment.start("slugs") + word.start()
                if start <= column <= start + len(word[0]):
                    return _rule(word[0])
        path = _written_key(document, line, column) if document else ()
        if not path:
            path = key_path(lines, line)
            begins = text.find(str(path[-1])) if path else -1
            if begins < 0 or not begins <= column <= begins + len(str(path[-1])):
                return ""
        return self._described(path)

    def complete(self, lines: Sequence[str], line: int, column: int) -> tuple[int, list[Hint]]:
        """Return the column (from 0) at which an insertion begins, and what can be inserted there."""
        place = cursor_at(lines, line, column)
        mapping = self._schema(place.path)
        if mapping is None:
            return column, []
        if place.in_value:
            declared = property_schema(mapping, place.key)
            return place.start, list(self._values(declared)) if declared else []
        indent = " " * (place.start + 2)
        return place.start, [
            Hint(name, _entry(name, self._found.resolved(inner), indent), self._described((*place.path, name)), True)
            for name, inner in mapping.get("properties", {}).items()
            if name not in place.siblings
        ]

    def _described(self, path: Path) -> str:
        """What a key means, in Markdown; empty where nothing is declared."""
        found = find_keys(self._found.schema, show(path))
        return describe(found[0]) if found else ""

    def _schema(self, path: Path) -> Json | None:
        """The schema of what stands at a path; None where nothing is declared."""
        schema: Json | None = self._found.schema
        for part in path:
            options = [self._found.resolved(option) for option in (schema or {}).get("anyOf", [schema or {}])]
            if part == 0:
                schema = next((option["items"] for option in options if "items" in option), None)
            else:
                schema = property_schema(options[0], str(part))
            if schema is None:
                return None
            schema = self._found.resolved(schema)
        return schema

    def _values(self, schema: Json) -> Iterator[Hint]:
        """The choices of a key, and its default."""
        schema = self._found.resolved(schema)
        choices: list[Any] = []
        for option in schema.get("anyOf", [schema]):
            option = self._found.resolved(option)
            choices += option.get("enum", [option["const"]] if "const" in option else [])
            choices += [True, False] if option.get("type") == "boolean" else []
            choices += [None] if option.get("type") == "null" else []
        if not choices and schema.get("default") is not None:
            choices = [schema["default"]]
        for choice in choices:
            mark = "the default" if choice == schema.get("default") else ""
            yield Hint(written(choice), written(choice), mark, False)


def describe(key: Key) -> str:
    """Describe a key in Markdown: its path, what it means, what it takes, its unit and default."""
    facts = [key.takes, f"unit: {key.unit}" if key.unit else "", f"default: `{key.default}`" if key.default else ""]
    return f"**{key.places[0]}**\n\n{key.doc}\n\n{'; '.join(filter(None, facts))}"


def _entry(name: str, schema: Json, indent: str) -> str:
    """The text of a key that is inserted: a section opens, anything else gets its default."""
    if schema.get("type") == "object":
        return f"{name}:\n{indent}"
    default = schema.get("default")
    return f"{name}: {written(default)}" if default is not None else f"{name}: "


def _written_key(document: Document, line: int, column: int) -> Path:
    """The path of the key that is written at a place; empty where there is none."""
    for path, key in document.found.keys.items():
        span = key.span
        own = span.origin is document.start.origin and span.line == line + 1
        if own and span.column <= column + 1 <= span.end_column:
            return path
    return ()


def _rule(name: str) -> str:
    """What a rule is about: the first sentences of its documentation."""
    found = next((rule for rule in RULES if name in (rule.SLUG, rule.CODE)), None)
    if found is None:
        return ""
    sentence, _, rest = (found.__doc__ or "").partition("\n\n")
    return f"**{found.CODE} {found.SLUG}**\n\n{sentence}\n\n{rest.partition(chr(10) + chr(10))[0]}"
