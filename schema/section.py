"""The form every section has: frozen, strict, no unknown key; `key` declares one YAML key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

# Whether a run that has started may resume with another value: freely; where its stage has not started; freely, but for
# dropout, whose masks are drawn for each micro-batch; where it is another path of the same bytes; or not at all.
Change = Literal["free", "forward-only", "free without dropout", "free with the same content", "breaking"]


class Section(BaseModel):
    """Base of all sections. Values are never coerced: 8.0 and "8" are not the integer 8."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("0 is neither a number of them nor -1, all")
    return value


NOT_ZERO = AfterValidator(_not_zero)  # goes with `never=0`, which says so in the JSON Schema


def key(
    default: Any,
    doc: str,
    *,
    change: Change,
    unit: str = "",
    never: int | None = None,
    former: Mapping[str, str] | None = None,
    word: str = "",
    **bounds: Any,
) -> Any:
    """Declare one key: its default, its one-sentence documentation, what a change of it means, its unit and bounds.

    `former` maps what a value was called to its name, and is read with a word. `word` may stand for a list of it alone.
    `bounds` are pydantic's (`ge`, `gt`, `le`, `lt`, `min_length`, `pattern`). Lists and mappings are given as a
    callable, so that no two specs share one.
    """
    extra: dict[str, Any] = {"change": change} | ({"unit": unit} if unit else {}) | ({"word": word} if word else {})
    if former:
        extra["former"] = dict(former)
    if never is not None:
        extra["not"] = {"const": never}
    if not callable(default):
        return Field(default=default, description=doc, json_schema_extra=extra, **bounds)
    value = default()
    if not isinstance(value, BaseModel):  # a section's defaults stand with its own keys
        extra["default"] = to_jsonable_python(value)
    return Field(default_factory=default, description=doc, json_schema_extra=extra, **bounds)
