"""What an editor shows while a spec is written: what a key means, and what can be written at a place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schema.check.findings import Json
from schema.check.tree import property_schema
from schema.docs.keys import FREE, Key, declared_keys, every_key
from schema.docs.rules import documentation, find_rule, summary
from schema.document import Document, load_schema
from schema.editor.cursor import Cursor, cursor_at, item_at
from schema.editor.names import Known, Name, names_of_item, names_of_keys, names_of_value
from schema.rules import RULES
from schema.text.diagnostic import Severity
from schema.text.scalars import written
from schema.text.source import Path
from schema.text.suppression import COMMENT

NOTHING_KNOWN = Known()
OPEN_IGNORE = re.compile(r"#\s*lorarun:\s*ignore\[(?:[^\]]*[\s,])?(?P<word>[^\]\s,]*)$")


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that can be written: its name, the text to insert, and its documentation in Markdown."""

    name: str
    text: str
    documentation: str
    is_key: bool


@dataclass(frozen=True, slots=True)
class Hints:
    """What can be written instead of the columns from `start` to `end`, from 0, of a line."""

    start: int
    end: int
    found: tuple[Hint, ...]


class Guide:
    """Answers from the schema, which is read once."""

    def __init__(self) -> None:
        self._declared = load_schema()
        keys = every_key(declared_keys(self._declared))
        self._keys = {tuple(place.replace("[]", "").split("/")): key for key in keys for place in key.places}

    def hover(self, lines: Sequence[str], line: int, column: int, document: Document | None = None) -> str:
        """Return what stands at a place (from 0), in Markdown; empty where there is nothing to say.

        The document that the lines gave, if they gave one, knows more than a look at the lines: quoted keys, aliases.
        """
        text = lines[line] if line < len(lines) else ""
        for comment in COMMENT.finditer(text):
            for word in re.finditer(r"[^\s,]+", comment["slugs"] or ""):
                start = comment.start("slugs") + word.start()
                if start <= column <= start + len(word[0]):
                    return _rule(word[0])
        path = _written_key(document, line, column) if document else ()
        if not path:
            place = cursor_at(lines, line, column)
            path = (*place.path, place.key) if place and not place.in_value else ()
        return self._described(path)

    def complete(
        self,
        lines: Sequence[str],
        line: int,
        column: int,
        document: Document | None = None,
        known: Known = NOTHING_KNOWN,
    ) -> Hints:
        """Return what can be written at a place (from 0).

        `document` is what the lines gave, or gave before they were half typed: it has names that a value may have.
        """
        text = lines[line] if line < len(lines) else ""
        ignore = OPEN_IGNORE.search(text[:column])
        if ignore:
            rules = (rule for rule in RULES if rule.SEVERITY is not Severity.ERROR)
            found = tuple(Hint(rule.SLUG, rule.SLUG, _rule(rule.SLUG), False) for rule in rules)
            return Hints(ignore.start("word"), column, found)
        item = item_at(lines, line, column)
        if item and (names := names_of_item(item.path, item.others, document)):
            return Hints(item.start, item.end, tuple(map(_named, names)))
        place = cursor_at(lines, line, column)
        mapping = self._schema(place.path) if place else None
        if place is None or mapping is None:
            return Hints(column, column, ())
        if place.in_value:
            declared, names = (
                property_schema(mapping, place.key),
                names_of_value(place.path, place.key, document, known),
            )
            values = list(map(_named, names)) or (list(self._values(declared)) if declared else [])
            return Hints(place.start, place.end, tuple(values))
        keys = [(name, inner) for name, inner in mapping.get("properties", {}).items() if name not in place.siblings]
        free = [name for name in names_of_keys(place.path, document, known) if name.text not in place.siblings]
        keys += [(name.text, property_schema(mapping, name.text) or {}) for name in free]
        return Hints(place.start, place.end, tuple(self._key(place, *key) for key in keys))

    def _key(self, place: Cursor, name: str, schema: Json) -> Hint:
        """A key with its default, or opened where it is a section; alone where a value stands behind it."""
        default = schema.get("default")
        if place.colon:
            text = name
        elif schema.get("type") == "object":
            text = f"{name}: {{}}" if place.in_flow else f"{name}:\n{' ' * (place.start + 2)}"
        else:
            text = f"{name}: {written(default)}" if default is not None else f"{name}: "
        return Hint(name, text, self._described((*place.path, name)), True)

    def _described(self, path: Path) -> str:
        """What a key means, in Markdown; empty where nothing is declared."""
        wanted = tuple(str(part) for part in path if not isinstance(part, int))
        key = self._keys.get(wanted) or next((key for parts, key in self._keys.items() if _fits(parts, wanted)), None)
        return describe(key) if key else ""

    def _schema(self, path: Path) -> Json | None:
        """The schema of what stands at a path; None where nothing is declared."""
        schema: Json | None = self._declared
        for part in path:
            options = (schema or {}).get("anyOf", [schema or {}])
            if part == 0:
                schema = next((option["items"] for option in options if "items" in option), None)
            else:
                schema = property_schema(options[0], str(part))
            if schema is None:
                return None
        return schema

    def _values(self, schema: Json) -> Iterator[Hint]:
        """The choices of a key, and its default."""
        choices: list[Any] = []
        for option in schema.get("anyOf", [schema]):
            choices += option.get("enum", [option["const"]] if "const" in option else [])
            choices += [True, False] if option.get("type") == "boolean" else []
            choices += [None] if option.get("type") == "null" else []
        if not choices and schema.get("default") is not None:
            choices = [schema["default"]]
        for choice in choices:
            mark = "the default" if choice == schema.get("default") else ""
            yield Hint(written(choice), written(choice), mark, False)


def _named(name: Name) -> Hint:
    return Hint(name.text, written(name.text), name.meaning, False)


def describe(key: Key) -> str:
    """Describe a key in Markdown: its path, what it means, what it takes, its unit and default."""
    facts = [key.takes, f"unit: {key.unit}" if key.unit else "", f"default: `{key.default}`" if key.default else ""]
    return f"**{key.places[0]}**\n\n{key.doc}\n\n{'; '.join(filter(None, facts))}"


def _written_key(document: Document, line: int, column: int) -> Path:
    """The path of the key that is written at a place; empty where there is none."""
    for path, key in document.found.keys.items():
        span = key.span
        own = span.origin is document.start.origin and span.line == line + 1
        if own and span.column <= column + 1 <= span.end_column:
            return path
    return ()


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a declared path stands for a written one, in which the user chose names."""
    return len(parts) == len(wanted) and all(own in (FREE, asked) for own, asked in zip(parts, wanted, strict=True))


def _rule(name: str) -> str:
    """What a rule is about: the first sentences of its documentation."""
    rule = find_rule(name)
    if rule is None:
        return ""
    why = documentation(rule).split("\n\n")[1]
    return f"**{rule.CODE} {rule.SLUG}** ({rule.SEVERITY})\n\n{summary(rule)}\n\n{why}"
