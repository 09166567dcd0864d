"""What a spec may say otherwise once its run has started: each key's class stands beside the key, in its section.

A key is free, forward-only (a stage that has not started may change), free without dropout (masks are drawn for each
micro-batch, and mesh and micro-batch decide those), free with the same content (a path: a checkpoint holds digests of
what was read there, and resuming compares them), or breaking: another value makes another run. A source for one more
dataset is forward-only by nature: stages that have started do not name it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from schema.budget.stages import DATASET_KEY, TOKENS_KEY, Plain, asked_stages, compile_stages
from schema.check.findings import Json
from schema.check.tree import property_schema
from schema.docs.keys import FREE as ANY_NAME
from schema.docs.keys import declared_keys, every_key
from schema.environment import Change

FACTS = ("starting_point",)  # of an identity, beside its spec
SOURCES = "data/sources/"
PER_PHASE = tuple(TOKENS_KEY.values())
# Budgets and mixtures that make stages together.
FAMILIES = (
    ("training/tokens", "training/dataset"),
    *((f"training/{TOKENS_KEY[phase]}", f"training/{DATASET_KEY[phase]}") for phase in TOKENS_KEY),
)
BY_STORES = {"training/budget": "supervised_tokens", "data/on_exhausted": "stop"}
FREE, FORWARD, UNLESS_DROPOUT, BREAKING = "free", "forward-only", "free without dropout", "breaking"
SAME_CONTENT = "free with the same content"


def change_classes(schema: Json) -> dict[str, str]:
    """Return the class of every key that has a value of its own, by its path."""
    return {place: key.change for key in every_key(declared_keys(schema)) for place in key.places if key.change}


def compare(
    before: Mapping[str, Any], now: Mapping[str, Any], step: int, schema: Json, ends: Sequence[int] | None = None
) -> Iterator[tuple[Change, bool]]:
    """Yield every change between two identities of runs, and whether a run of `step` steps may resume with it.

    `ends` are the last steps of the stages of the run's plan, for runs whose steps follow from token stores.
    An identity is {"spec": flat keys, "starting_point": …, "one_budget": …} as `runner.run.identity` makes it.
    """
    old, new = (current_values(each.get("spec", {}), schema) for each in (before, now))
    before, now, classes = {**before, "spec": old}, {**now, "spec": new}, change_classes(schema)
    forward = _not_started(before, now, step, ends)
    drops = any(spec.get(key) for spec in (old, new) for key in ("architecture/dropout", "optimization/lora/dropout"))
    allowed = {FREE: True, SAME_CONTENT: True, UNLESS_DROPOUT: not drops, BREAKING: False}
    known = _sources(old)
    for key in (each for each in new if each not in old):  # of a newer version, which means by default what was before
        if _source(key) in known - {None} or _is_default(key, new[key], schema):
            old[key] = _schema_of(key, schema).get("default")
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            change = Change(key, json.dumps(old.get(key)), json.dumps(new.get(key)))
            first = f"{key}/" == SOURCES and old.get(key) == {}  # there were none
            added = first or _source(key) not in {None, *known}  # which no stage that has started can have read
            kind = classes.get(_declared(key), BREAKING)
            if kind == SAME_CONTENT and not (key in old and key in new):  # nothing is read any more
                kind = BREAKING
            yield change, added or (forward[key] if kind == FORWARD else allowed[kind])
    if _deciding(before) != _deciding(now):  # which keys are written says so, whatever their values
        yield Change("the budget that decides", _deciding(before), _deciding(now)), all(forward.values())
    for fact in FACTS:
        if before.get(fact) != now[fact]:
            yield Change(fact, json.dumps(before.get(fact)), json.dumps(now[fact])), False


def current_values(spec: Mapping[str, Any], schema: Json) -> dict[str, Any]:
    """Return the flat keys of a run's spec with values as they are called now; an older run has older names."""
    return {key: _current(value, _schema_of(key, schema)) for key, value in spec.items()}


def _is_default(key: str, value: Any, schema: Json) -> bool:
    declared = _schema_of(key, schema) if not isinstance(value, dict) else {}  # a mapping's keys are keys of their own
    return "default" in declared and bool(declared["default"] == value)


def _current(value: Any, declared: Json) -> Any:
    if isinstance(value, list):
        return [_current_item(each, declared.get("items", {})) for each in value]
    former: dict[str, str] = declared.get("former", {})
    return former.get(str(value).lower(), value) if isinstance(value, bool) else value


def _current_item(value: Any, declared: Json) -> Any:
    """One of a list: an entry of a mixture gets the keys that it had not in an older version."""
    if not isinstance(value, dict):
        return _current(value, declared)
    inner = declared.get("properties", {})
    return {key: each["default"] for key, each in inner.items() if "default" in each} | value


def _schema_of(key: str, declared: Json) -> Json:
    """What is declared of a key; nothing where it is none any more."""
    for part in key.split("/"):
        inner = property_schema(declared, part)
        if inner is None:
            return {}
        declared = inner
    return declared


def _not_started(
    before: Mapping[str, Any], now: Mapping[str, Any], step: int, ends: Sequence[int] | None
) -> dict[str, bool]:
    """Whether each budget and mixture may be what it is now, for no stage that has started would be another one."""
    families: tuple[tuple[str, ...], ...] = FAMILIES
    if _deciding(before) != _deciding(now):
        families = (tuple(key for family in FAMILIES for key in family),)
    verdicts: dict[str, bool] = {}
    for family in families:
        changed = {key: now["spec"][key] for key in family if key in now["spec"]}
        mixed = {**now, "spec": {**before.get("spec", {}), **changed}}
        verdicts |= dict.fromkeys(family, _started(mixed, step, ends) == _started(before, step, ends))
    return verdicts


def _sources(spec: Mapping[str, Any]) -> set[str | None]:
    """Names of the datasets that a flat spec gives sources for."""
    return {_source(key) for key in spec}


def _source(key: str) -> str | None:
    """The dataset that a key gives a source for; None for every other key, and for `data/sources` without any."""
    return key.removeprefix(SOURCES).partition("/")[0] if key.startswith(SOURCES) else None


def _declared(key: str) -> str:
    """Where a key is declared: every dataset's source has the keys of one."""
    source = _source(key)
    return key if source is None else key.replace(f"{SOURCES}{source}/", f"{SOURCES}{ANY_NAME}/", 1)


def _deciding(identity: Mapping[str, Any]) -> str:
    """The keys whose budgets make the stages of a run."""
    return "training/tokens" if identity.get("one_budget") else " and ".join(map("training/{}".format, PER_PHASE))


def _started(identity: Mapping[str, Any], step: int, ends: Sequence[int] | None) -> list[Any]:
    """The stages that a run of `step` steps has started: what none of them may lose.

    Where steps follow from token stores, these are as many as its plan had; all of them where that is not known.
    """
    spec = identity.get("spec", {})
    training = {key.removeprefix("training/"): value for key, value in spec.items() if key.startswith("training/")}
    try:
        tokens_per_step = training["batch_size"] * spec["architecture/block_size"]
        given = {"tokens", "dataset"} if identity.get("one_budget") else PER_PHASE
        asked = asked_stages(SimpleNamespace(**training), given)
        if any(spec.get(key) == value for key, value in BY_STORES.items()):
            started = len(asked) if ends is None else sum(start < step for start in (0, *ends[:-1]))
            return [(stage.phase, stage.tokens, stage.mixture) for stage in asked[: started if step else 0]]
        found = compile_stages(asked, lambda stage: Plain(tokens_per_step * stage.sides))
    except (KeyError, AttributeError):  # a run.json that holds less is of another version: nothing of it is known
        return [identity]
    return [(stage.phase, stage.start, stage.end, stage.tokens, stage.mixture) for stage in found if stage.start < step]
