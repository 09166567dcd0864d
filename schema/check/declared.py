"""The keys that a spec may have: its JSON Schema with references followed, and where each name is declared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

from schema.text.source import Path
from schema.text.wording import nearest


class Declared(dict[str, Any]):
    """The JSON Schema of a spec as the checks read it; all of them share one, so it is never changed.

    References are followed, and keywords beside one win. A number is one, though editors may also see it as
    text (300M).
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        @cache
        def definition(name: str) -> dict[str, Any]:
            whole: dict[str, Any] = followed(schema["$defs"][name])
            return whole

        def followed(part: Any) -> Any:
            if isinstance(part, list):
                return [followed(item) for item in part]
            if not isinstance(part, dict):
                return part
            own = {name: followed(inner) for name, inner in part.items()}
            if isinstance(own.get("type"), list):
                own["type"] = own["type"][0]
            reference = own.pop("$ref", None)
            return {**definition(reference.rsplit("/", 1)[-1]), **own} if reference else own

        super().__init__(followed(schema))
        self._near: dict[str, list[str]] = {}

    @cached_property
    def paths(self) -> dict[str, Path]:
        """The path of every declared key, outside lists and free names, by how a user writes it."""
        return {"/".join(path): path for path in _paths(self, ())}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name of a key, those of the entries of lists and of free names among them."""
        return frozenset(_names(self))

    @cached_property
    def named(self) -> dict[str, list[Path]]:
        """The paths of every declared key, outside lists and free names, by its last part."""
        named: dict[str, list[Path]] = {}
        for path in self.paths.values():
            named.setdefault(str(path[-1]), []).append(path)
        return named

    def near(self, name: str) -> list[str]:
        """Return the last parts of declared keys that a misspelt name may have meant; the same names come again."""
        if name not in self._near:
            self._near[name] = nearest(name, self.named)
        return self._near[name]


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _names(inner)
    elif isinstance(part, dict):
        yield from part.get("properties", {})
        for inner in part.values():
            yield from _names(inner)


def _paths(schema: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in schema.get("properties", {}).items():
        yield (*above, name)
        yield from _paths(inner, (*above, name))
