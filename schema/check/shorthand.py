"""Values that say in short what a key wants at length: a name for a section, a number for a list of it, a list for one.

What was meant is written out for a finding; nothing is read as it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as Items
from typing import Any, NamedTuple

from schema.check.choices import synonym
from schema.check.slips import Meant
from schema.text.diagnostic import Span
from schema.text.scalars import number, written
from schema.text.source import Mapping, Node, Path, Scalar, Sequence

ENCODINGS = ("gpt2", "r50k_base", "p50k_base", "cl100k_base", "o200k_base")  # names that only tiktoken has
FLOATS = ("float32", "bfloat16", "float16")
BULLETS = "-\u2013\u2014\u2022\u00b7\u2023 "  # of a list, without the space that YAML wants behind a dash
GROUP = re.compile(r"[0-9]{3}")
DIGITS = re.compile(r"[0-9]+(?:[eE][-+]?[0-9]+)?")


def meant_at_length(node: Node, schema: dict[str, Any], path: Path) -> Meant | None:
    """Return the value that a node of another type stands for; None where that is open."""
    kind = schema.get("type")
    if kind == "object":
        text = _section(node, path)
        return Meant(text, certain=path[:2] == ("data", "sources") and len(path) == 3) if text else None
    if kind == "array" and isinstance(node, Scalar) and schema["items"].get("type") in ("integer", "number"):
        text = node.text.lstrip(BULLETS) if node.plain else ""
        return Meant(f"[{text}]", certain=text == node.text) if number(text) else None
    if kind == "array" and isinstance(node, Sequence):
        return None
    if kind in ("integer", "number", "string") and isinstance(node, Sequence) and len(node.items) == 1:
        only = node.items[0]
        return Meant(only.text, certain=number(only.text) is not None) if isinstance(only, Scalar) else None
    return None


def joined_budgets(items: Items[Node]) -> str:
    """Write budgets whose digits commas cut into groups as the numbers that were meant: [400,000] is [400_000].

    Empty where no number was cut: groups of three stand behind a comma without a space.
    """
    numbers: list[str] = []
    end = 0
    for item in items:
        if not isinstance(item, Scalar) or not item.text.replace("_", "").isdecimal():
            return ""
        if numbers and item.span.column == end + 1 and GROUP.fullmatch(item.text) and len(numbers[-1]) < 16:
            numbers[-1] += f"_{item.text}"
        else:
            numbers.append(item.text)
        end = item.span.end_column
    return f"[{', '.join(numbers)}]" if len(numbers) < len(items) else ""


class Cut(NamedTuple):
    """A number in braces that commas cut, {rate: 0,5}: its entry and the keys that YAML made of the rest."""

    key: Scalar
    number: Scalar
    rest: tuple[Scalar, ...]

    @property
    def span(self) -> Span:
        """The place of the whole number."""
        return self.number.span._replace(end_line=self.rest[-1].span.end_line, end_column=self.rest[-1].span.end_column)

    def meant(self, schema: dict[str, Any]) -> str:
        """The number for a key of this schema: with a point, or its groups of thousands; empty where it is neither."""
        kinds = [option.get("type") for option in schema.get("anyOf", [schema])]
        rest = [key.text for key in self.rest]
        if "integer" in kinds:
            text = "_".join([self.number.text, *rest]) if all(map(GROUP.fullmatch, rest)) else ""
        else:
            text = f"{self.number.text}.{rest[0]}" if "number" in kinds and len(rest) == 1 else ""
        return text if number(text) is not None else ""


def find_cuts(node: Mapping) -> Iterator[Cut]:
    """Yield the numbers of a mapping that commas without a space cut."""
    entries, at = node.entries, 0
    while at < len(entries):
        (key, value), rest = entries[at], list[Scalar]()
        end = value.span
        for other, empty in entries[at + 1 :]:
            behind = (end.end_line, end.end_column + 1) == (other.span.line, other.span.column)
            if not (behind and DIGITS.fullmatch(other.text) and isinstance(empty, Scalar) and not empty.text):
                break
            rest.append(other)
            end = other.span
        if rest and isinstance(value, Scalar) and value.text.isdecimal():
            yield Cut(key, value, tuple(rest))
        at += 1 + len(rest)


def _section(node: Node, path: Path) -> str:
    if path == ("data", "sources") and isinstance(node, Sequence):
        return _sources(node)
    if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
        return ""
    text = node.text
    if path[:2] == ("data", "sources") and len(path) == 3:
        return f"{{path: {written(text)}}}"
    if path == ("tokenizer",):
        backend = "byte" if text == "byte" else "tiktoken" if text in ENCODINGS else "huggingface"
        return "{backend: byte}" if backend == "byte" else f"{{backend: {backend}, name: {written(text)}}}"
    if path == ("architecture", "dtype"):
        name = text if text in FLOATS else synonym(text, FLOATS)
        return f"{{param: float32, activation: {name}}}" if name else ""
    if path == ("mesh",) and isinstance(number(text), int):
        return f"{{data: {text}}}"
    return ""


def _sources(node: Sequence) -> str:
    """Write a list of sources as the mapping by their names."""
    found: dict[str, str] = {}
    for item in node.items:
        values = {key.text: value for key, value in item.entries} if isinstance(item, Mapping) else {"path": item}
        if not {"path"} <= set(values) or not all(isinstance(value, Scalar) for value in values.values()):
            return ""
        texts = {key: value.text for key, value in values.items() if isinstance(value, Scalar)}
        stem = re.split(r"[/\\]", texts["path"])[-1].partition(".")[0]
        name = texts.pop("name", stem)
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name) or name in found:
            return ""
        found[name] = "{" + ", ".join(f"{key}: {written(value)}" for key, value in texts.items()) + "}"
    return "{" + ", ".join(f"{name}: {value}" for name, value in found.items()) + "}" if found else ""
