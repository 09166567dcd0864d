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
from schema.document import load_schema, other_architecture
from schema.document.hub import hub_name
from schema.spec import Spec
from schema.text.paths import at_home


def identity(values: dict[str, Any], restore: Path | None, single: bool) -> dict[str, Any]:
    """What a run is: the values of its spec as flat slash keys, and where it starts from.

    That is what `--restore` names, else architecture/pretrained: a model of the hub has its name with the commit,
    wherever the cache lies. `single` says whether training/tokens and training/dataset alone decide.
    """
    named = values.get("architecture", {}).get("pretrained")
    on_hub = hub_name(named) if named and not restore else None
    start_at = named if on_hub and on_hub.is_pinned else None
    if start_at is None and (restore or named):
        start_at = str((restore or at_home(named)).resolve())
    return {"spec": dict(_flatten(values, "")), "starting_point": start_at, "one_budget": single}


def spec_digest(spec: Spec) -> str:
    """Digest of every value of a spec, whatever it decides."""
    return hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def spec_of(run_dir: Path) -> dict[str, Any]:
    """Return the spec of the run in a directory, nested, its values as they are called now.

    Raises Failure STORAGE when its `run.json` cannot be read.
    """
    return unflatten(current_values(read_json(run_dir / "run.json")["spec"], load_schema()))


def refuse_other_architecture(named: Path | str, theirs: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise Failure INVALID where the weights that are named can't be those of an architecture, naming the keys."""
    if differing := other_architecture(theirs, own):
        listed = ", ".join(f"{change.key} is {change.before} there and {change.now} here" for change in differing)
        raise Failure(f"{named} holds weights of another architecture: {listed}", ExitCode.INVALID)


def identity_of(execution: ExecutionSpec) -> dict[str, Any]:
    """Return the identity of the run that an `ExecutionSpec` asks for."""
    spec = execution.spec
    return identity(spec.model_dump(mode="json"), execution.restore, one_budget(spec.training.model_fields_set))


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
