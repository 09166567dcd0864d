"""What makes a run that run: its spec as flat keys, and where it started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.run.execution import ExecutionSpec
from schema.budget.stages import one_budget
from schema.changes import current_values
from schema.document import attributes, load_schema
from schema.environment import Change
from schema.families import options_of, shape_is_whole
from schema.spec import Spec

# Keys of architecture that change neither shapes nor the function that trained weights compute.
UNSET = ("n_kv_head", "head_dim", "intermediate_size", "attention_bias", "mlp_bias", "norm_eps")  # may be null
HARMLESS = ("pretrained", "dropout", "remat", "dtype")


def identity(values: dict[str, Any], start: Path | None, single: bool) -> dict[str, Any]:
    """What a run is: the values of its spec as flat slash keys, and where it starts from.

    `single` says whether training/tokens and training/dataset alone decide.
    """
    start_at = str(start.resolve()) if start else None
    return {"spec": dict(_flatten(values, "")), "starting_point": start_at, "one_budget": single}


def spec_digest(spec: Spec) -> str:
    """Digest of every value of a spec, whatever it decides."""
    return hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def spec_of(run_dir: Path) -> dict[str, Any]:
    """Return the spec of the run in a directory, nested, its values as they are called now.

    Raises Failure STORAGE when its `run.json` cannot be read.
    """
    return unflatten(current_values(read_json(run_dir / "run.json")["spec"], load_schema()))


def other_architecture(theirs: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the keys of `architecture` by which weights of one can't be those of the other.

    A key that is unset means what its family makes of it.
    """
    there, here = _resolved(theirs, own), _resolved(own, own)
    return tuple(
        Change(f"architecture/{name}", json.dumps(there[name]), json.dumps(here.get(name)))
        for name, value in theirs.items()
        if name not in HARMLESS and there[name] != here.get(name) and (value, own.get(name)) != (None, None)
    )


def refuse_other_architecture(named: Path | str, theirs: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise Failure INVALID where the weights that are named can't be those of an architecture, naming the keys."""
    if differing := other_architecture(theirs, own):
        listed = "; ".join(f"{change.key} is {change.before} there and {change.now} here" for change in differing)
        raise Failure(f"{named} holds weights of another architecture: {listed}", ExitCode.INVALID)


def _resolved(architecture: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """An architecture in which unset keys have the values that its family gives them, where heads divide.

    `whole` has the keys that the architecture does not know.
    """
    section = attributes({**whole, **architecture})
    if not shape_is_whole(section):
        return dict(architecture)
    options = options_of(section)
    known = {name: getattr(options, name) for name in UNSET} | {"bias": options.norm == "layer"}
    return {name: known.get(name) if value is None else value for name, value in architecture.items()}


def identity_of(execution: ExecutionSpec) -> dict[str, Any]:
    """Return the identity of the run that an `ExecutionSpec` asks for."""
    spec = execution.spec
    return identity(spec.model_dump(mode="json"), execution.starting_point, one_budget(spec.training.model_fields_set))


def _flatten(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flatten(inner, f"{prefix}/{name}" if prefix else name)
    else:
        yield prefix, value


def unflatten(flat: dict[str, Any]) -> dict[str, Any]:
    """Nest the flat slash keys of a `run.json` again."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split("/")
        section = nested
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = value
    return nested
