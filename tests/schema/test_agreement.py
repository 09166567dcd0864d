"""The linter's own reading of the schema and pydantic's give one verdict and the same values."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schema.document import Document, load_schema, read_document
from schema.spec import Spec

SCHEMA = load_schema()
WORDS = ("never", "float32", "PMD", "PADDED", "repeat", "drop", "rslora", "gpt", "byte", "web_ppl", "a b", "../x", "")
LETTERS = st.characters(min_codepoint=32, max_codepoint=126)
WHOLE = st.one_of(st.integers(-3, 4), st.integers(-(2**40), 2**40))
# Whole floats are left out: the linter reads 8.0 as the integer 8, pydantic alone would not.
FRACTIONS = st.one_of(st.floats(-2, 2), st.floats(allow_nan=False, allow_infinity=False)).filter(lambda x: x % 1 != 0)
# Nor does pydantic alone read a style in lower case; letters are few enough never to spell one.
SCALARS = st.one_of(st.none(), st.booleans(), WHOLE, FRACTIONS, st.sampled_from(WORDS), st.text(LETTERS, max_size=3))
JUNK = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from(["name", "k"]), SCALARS, max_size=2)
)


def plausible(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values near to what a schema allows, and now and then junk."""
    if "anyOf" in schema:
        return st.one_of(*(plausible(option) for option in schema["anyOf"]))
    kind = schema["type"]
    if kind == "object":
        return objects(schema)
    if kind == "array":
        return st.one_of(st.lists(plausible(schema["items"]), max_size=3), st.just([]), JUNK)
    exact = [schema["const"]] if "const" in schema else schema.get("enum", [])
    limits = [schema[name] for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if name in schema]
    own = {"integer": WHOLE, "number": st.one_of(WHOLE, FRACTIONS), "boolean": st.booleans(), "null": st.none()}
    fitting = [own.get(kind, st.sampled_from(["web", "chat_1", "web_ppl"]))]
    return st.one_of(*fitting * 4, *([st.sampled_from(exact + limits)] if exact or limits else []), SCALARS)


def objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    free = [inner for inner in schema.get("patternProperties", {}).values() if inner is not True]
    if free:
        names = st.sampled_from(["web", "a.b", ".a", "a b", ""])
        return st.dictionaries(names, st.one_of(plausible(free[0]), JUNK), max_size=2)
    known = {name: plausible(inner) for name, inner in schema["properties"].items()}
    required = {name: known.pop(name) for name in schema.get("required", ())}
    whole = st.fixed_dictionaries(required, optional=known)
    return st.one_of(whole, whole, st.fixed_dictionaries({}, optional={**required, **known, "k": SCALARS}))


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec with one or two sections, of each one or two keys: what a defect needs, and no more."""
    spec: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(SCHEMA["properties"])), min_size=1, max_size=2, unique=True)):
        section = SCHEMA["properties"][name]["properties"]
        keys = draw(st.lists(st.sampled_from(sorted(section)), min_size=1, max_size=2, unique=True))
        spec[name] = {key: draw(st.one_of(plausible(section[key]), plausible(section[key]), JUNK)) for key in keys}
    return spec


def document(value: dict[str, Any]) -> Document:
    return read_document(json.dumps(value).encode(), "spec.yaml")


def same(one: Any, other: Any) -> bool:
    return bool(json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@settings(max_examples=250)
@given(specs())
def test_both_accept_or_both_refuse_and_the_values_are_equal(value: dict[str, Any]) -> None:
    found = document(value)
    try:
        spec = Spec.model_validate(value)
    except ValidationError as error:
        assert found.problems, error
        return
    # Both read what a value was called before; the linter says so.
    assert [problem.message for problem in found.problems if problem.slug != "deprecated-key"] == []
    assert same(found.values, spec.model_dump(mode="json"))
    built = Spec.model_validate(found.given_values())
    assert built == spec
    assert built.training.model_fields_set == spec.training.model_fields_set


def test_the_defaults_of_an_empty_spec_are_equal() -> None:
    assert same(document({}).values, Spec().model_dump(mode="json"))
    assert document({}).given_values() == {}
