"""Each key of the namespace, changed alone, is accepted or refused by a run directory as its class says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.failure import ExitCode, Failure
from runner.run.execution import ExecutionSpec
from runner.run.identity import identity
from runner.run.inspect import check_run_dir, inspect_run_dir
from runner.run.moved import PLACES
from runner.run.record import create_run_dir
from schema.changes import BREAKING, FORWARD, FREE, SAME_CONTENT, UNLESS_DROPOUT, change_classes
from schema.check.declared import Declared
from schema.check.findings import Json
from schema.check.tree import property_schema
from schema.spec import Spec

SCHEMA = Declared(Spec.model_json_schema())  # what stands beside the keys, not the file that is generated from it
CLASSES = change_classes(SCHEMA)
TALES = [{"name": "tales", "rate": 1.0}]
BOTH = [{"name": "tales", "rate": 0.5}, {"name": "songs", "rate": 0.5}]
# Of 32 tokens a step: two stages of phase full, which end at steps 10 and 30, and one of phase lora, which ends at 35.
STAGES = {
    "pre_lora_tokens": [320, 640],
    "pre_lora_dataset": [TALES, BOTH],
    "post_lora_tokens": [160],
    "post_lora_dataset": [BOTH],
}
STEPS = (0, 1, 9, 10, 11, 29, 30, 31, 35)  # completed: each boundary, one step before and one after
# The last number of completed steps at which stage i of a key has not begun; what decides nothing here never begins.
UNBEGUN = {
    "training/tokens": 35,
    "training/dataset": 35,
    "training/pre_lora_tokens": (0, 10),
    "training/pre_lora_dataset": (0, 10),
    "training/post_lora_tokens": (30,),
    "training/post_lora_dataset": (30,),
}
# What else a change of a key says: where a run starts from is named on its own, for --restore names it too.
BESIDE = {"architecture/pretrained": ["starting_point"]}


def whole(training: Json, dropout: float = 0.0) -> Json:
    """The values of a spec with every key in it, of its training those that decide."""
    written = {
        "architecture": {"block_size": 8},
        "data": {"sources": {name: {"path": f"{name}.jsonl"} for name in ("tales", "songs")}},
        "eval": {"evaluations": ["tales_ppl"]},
        "optimization": {"lora": {"dropout": dropout}},
        "training": {"batch_size": 4, **training},
    }
    values = Spec.model_validate(written).model_dump(mode="json")
    undecided = {name for name in STAGES if name not in training}
    return values | {"training": {name: it for name, it in values["training"].items() if name not in undecided}}


def run_of(values: Json, folder: Path, step: int) -> Path:
    """A run directory as it is after `step` steps."""
    create_run_dir(ExecutionSpec(Spec.model_validate(values), folder))
    for saved in STEPS:
        if 0 < saved <= step:
            (folder / "checkpoints" / str(saved)).mkdir(parents=True)
    return folder


def verdicts(spec: Spec, run: Path) -> dict[str, bool]:
    """Which keys the directory of a run finds changed, and whether the run goes on with them."""
    try:
        found = check_run_dir(ExecutionSpec(spec, run))
    except Failure as refusal:
        assert refusal.exit_code == ExitCode.RESUME
        return dict.fromkeys(re.findall(r"(\S+) was ", str(refusal).partition("(")[2]), False)
    return {change.key: True for change in found.accepted}


def altered(place: str, values: Json) -> Iterator[tuple[str, Json]]:
    """Yield the flat key of each value that stands at a place of the namespace, and a spec that has another there."""
    for path, other in _altered(SCHEMA, values, re.findall(r"[^/\[\]]+|\[\]", place)):
        yield re.sub(r"/\d.*", "", "/".join(map(str, path))), other


def _altered(schema: Json, value: Any, parts: list[str]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Walk to a place; what holds keys of its own is altered in the first that it has, a list in each item."""
    if not parts and not (isinstance(value, dict | list) and value):
        yield from (((), other) for other in other_values(schema, value))
        return
    names: list[Any] = [*range(len(value))] if isinstance(value, list) else [*value]
    if isinstance(value, dict) and parts[:1] != ["NAME"]:
        names = parts[:1] or names[:1]
    for name in names:
        inner = schema["items"] if isinstance(value, list) else property_schema(schema, name) or {}
        for path, other in _altered(inner, value[name], parts[1:]):
            copy = value.copy()
            copy[name] = other
            yield (name, *path), copy


def other_values(schema: Json, value: Any) -> Iterator[Any]:
    """Yield another value of each type that a key takes; none where it takes only this one."""
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from other_values(option, value)
        return
    match schema["type"]:
        case "boolean":
            candidates: list[Any] = [not value]
        case "integer" | "number":
            start = value if isinstance(value, int | float) else 0
            candidates = [start + 1, start + 2] if schema["type"] == "integer" else [start + 1, start / 2, start + 0.5]
            candidates = [number for number in candidates if within(number, schema)]
        case "string":
            candidates = schema.get("enum", [schema["const"]] if "const" in schema else [f"x{value or ''}"])
        case "array":
            candidates = [[item] for item in other_values(schema["items"], None)]
        case _:
            candidates = [None]
    yield from [other for other in candidates if other != value][:1]


def within(number: float, schema: Json) -> bool:
    return (
        schema.get("minimum", number) <= number <= schema.get("maximum", number)
        and schema.get("exclusiveMinimum", number - 1) < number < schema.get("exclusiveMaximum", number + 1)
        and number != schema.get("not", {}).get("const")
    )


def last_step(key: str, before: Json, now: Json) -> int:
    """After how many steps at most the stage that a change concerns has not begun."""
    section, _, name = key.partition("/")
    unbegun = UNBEGUN[key]
    if isinstance(unbegun, int):
        return unbegun
    (stage,) = [i for i in range(len(unbegun)) if before[section][name][i] != now[section][name][i]]
    return unbegun[stage]


@pytest.fixture(scope="module", params=[(0.0, STEPS), (0.1, (0, 10, 11, 35))], ids=["dry", "dropout"])
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, dict[int, Path]]:
    """A spec, and a run directory of it after each number of steps."""
    dropout, steps = request.param
    values, folder = whole(STAGES, dropout), tmp_path_factory.mktemp("runs")
    return values, {step: run_of(values, folder / str(step), step) for step in steps}


@pytest.mark.parametrize("place", CLASSES)
def test_a_key_changed_alone_is_accepted_or_refused_as_its_class_says(
    place: str, runs: tuple[Json, dict[int, Path]]
) -> None:
    values, folders = runs
    wet = values["optimization"]["lora"]["dropout"] > 0
    others = [*altered(place, values)]
    assert others, "the schema gives no other value: write the key into the spec above"
    for key, now in others:
        kind = CLASSES.get(re.sub("^data/sources/[^/]+", "data/sources/NAME", key), CLASSES[place])
        kind = BREAKING if key in PLACES else kind  # where nothing lies
        last = {FREE: 35, SAME_CONTENT: 35, UNLESS_DROPOUT: -1 if wet else 35, BREAKING: -1}.get(kind)
        last = last_step(key, values, now) if last is None else last
        expected = {step: dict.fromkeys([key, *BESIDE.get(key, [])], step <= last) for step in folders}
        spec = Spec.model_validate(now)
        assert {step: verdicts(spec, folder) for step, folder in folders.items()} == expected


@pytest.mark.parametrize("place", [place for place in CLASSES if re.match(r"training/(tokens|dataset)\b", place)])
def test_in_a_run_of_one_budget_its_budget_and_mixture_hold_once_it_has_begun(place: str, tmp_path: Path) -> None:
    assert CLASSES[place] == FORWARD
    values = whole({"tokens": 640, "dataset": BOTH})
    others = [*altered(place, values)]
    assert others
    for step in (0, 1, 11):
        run = run_of(values, tmp_path / str(step), step)
        for key, now in others:
            assert verdicts(Spec.model_validate(now), run) == {key: step == 0}


def another(places: list[str]) -> tuple[Spec, set[str]]:
    """The spec of the runs with other values at these places, and their keys."""
    values, keys = whole(STAGES), set()
    for place in places:
        *_, (key, values) = altered(place, values)
        keys.add(key)
    return Spec.model_validate(values), keys


def test_several_keys_that_are_refused_are_all_named_and_those_that_are_accepted_are_not(tmp_path: Path) -> None:
    run = run_of(whole(STAGES), tmp_path / "run", 11)
    refused = ["architecture/bias", "data/sources/NAME/text", "optimization/lr", "training/pre_lora_tokens"]
    spec, _ = another([*refused, "checkpoint/keep", "mesh/data"])
    named = [key.replace("NAME", "songs") for key in refused]
    assert verdicts(spec, run) == dict.fromkeys(named, False)


def test_of_many_keys_that_are_refused_the_sentence_names_five_and_the_finding_all(tmp_path: Path) -> None:
    run = run_of(whole(STAGES), tmp_path / "run", 35)
    spec, keys = another(
        [f"optimization/{name}" for name in ("adamw/beta1", "adamw/beta2", "adamw/eps", "grad_clip", "lora/lr", "lr")]
    )
    found = inspect_run_dir(run, identity(spec.model_dump(mode="json"), None, single=False))
    assert {change.key for change in found.changes} == keys
    assert [*verdicts(spec, run)] == sorted(keys)[:5]
