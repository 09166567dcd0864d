"""Where a run lives and how it is found again: the run directory and its identity.

A run directory belongs to one spec. `run.json`, written before anything else, holds that spec; a second
spec is refused by name of the keys that differ. Logging, retention and placement may change freely.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from schema.budget import one_budget
from schema.spec import Spec

# Keys that change neither the rows nor the weights beyond rounding, so that a resumed run may set them anew.
FREE_KEYS = (
    *("logging", "checkpoint", "eval", "data/root", "architecture/remat"),
    *("training/validation", "training/validation_steps", "training/evaluate"),
)
# Dropout masks are drawn for each micro-batch, so that another cut of the batch draws others.
FREE_WITHOUT_DROPOUT = ("mesh", "training/per_device_batch_size")


@dataclass(frozen=True, slots=True)
class ExecutionSpec:
    """What `exec` is given: the spec, the run directory, and another run to start from, if any."""

    spec: Spec
    run_dir: Path
    restore: Path | None = None

    @property
    def starting_point(self) -> Path | None:
        """Run or checkpoint whose weights this run starts from: `--restore`, else architecture/pretrained."""
        pretrained = self.spec.architecture.pretrained
        return self.restore or (Path(pretrained) if pretrained else None)


class RestoreableJob(ABC):
    """A job that can be killed at any instant and started again by the same command."""

    @abstractmethod
    def run(self) -> None:
        """Run to the end of the plan from wherever the run directory says it stands."""

    @abstractmethod
    def restore_from_path(self, rel_path: str) -> None:
        """Take up the state of the checkpoint at this path, relative to the run directory."""


def check_run_dir(execution: ExecutionSpec) -> None:
    """Check, without writing anything, that the run directory is new or belongs to this spec.

    Raises Failure RESUME when it holds another run or something that is no run, STORAGE when it cannot
    be read.
    """
    folder, identity = execution.run_dir, _identity(execution)
    try:
        if folder.exists() and not folder.is_dir():
            raise Failure(f"{folder} is a file; give --run-dir a folder", ExitCode.RESUME)
        if not is_run(folder):
            if folder.exists() and any(entry.name != ".run.json.partial" for entry in folder.iterdir()):
                raise Failure(
                    f"{folder} is not empty and holds no run; give --run-dir a new or empty folder", ExitCode.RESUME
                )
            return
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error
    changed = list(_differences(read_json(folder / "run.json"), identity))
    if changed:
        raise Failure(
            f"{folder} belongs to another spec ({'; '.join(changed[:5])}{'; …' if len(changed) > 5 else ''}); "
            "restore those keys, or give --run-dir a new folder",
            ExitCode.RESUME,
        )


def create_run_dir(execution: ExecutionSpec, start: Mapping[str, str] | None = None) -> None:
    """Create the run directory and its `run.json`, unless it is there. Raises Failure STORAGE.

    `start` pins the checkpoint whose weights the run begins with (`runner.start.pin`).
    """
    folder = execution.run_dir
    try:
        if not is_run(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / "run.json", json.dumps({**_identity(execution), "start": start}, indent=2))
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"cannot write the run directory {folder}: {reason}", ExitCode.STORAGE) from error


def is_run(folder: Path) -> bool:
    """Whether a folder is a run directory."""
    return (folder / "run.json").is_file()


def read_json(path: Path) -> Any:
    """Read a JSON file of ours. Raises Failure STORAGE when it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {path}: {error}; the run directory is damaged", ExitCode.STORAGE) from error


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a crash leaves the old one or the new one, never half of it."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _identity(execution: ExecutionSpec) -> dict[str, Any]:
    """Everything that decides rows and weights, as flat slash keys."""
    spec = dict(_flatten(execution.spec.model_dump(mode="json"), ""))
    start = execution.starting_point
    dropout = execution.spec.architecture.dropout or execution.spec.optimization.lora.dropout
    free = FREE_KEYS if dropout else (*FREE_KEYS, *FREE_WITHOUT_DROPOUT)
    return {
        "spec": {key: value for key, value in spec.items() if not _is_free(key, free)},
        "starting_point": str(start.resolve()) if start else None,
        "one_budget": one_budget(execution.spec.training.model_fields_set),
    }


def _is_free(key: str, free: tuple[str, ...]) -> bool:
    return any(key == each or key.startswith(f"{each}/") for each in free)


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


def _differences(before: Any, now: dict[str, Any]) -> Iterator[str]:
    old, new = before.get("spec", {}), now["spec"]
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield f"{key} was {json.dumps(old.get(key))}, is {json.dumps(new.get(key))}"
    for fact in ("starting_point", "one_budget"):
        if before.get(fact) != now[fact]:
            yield f"{fact} was {before.get(fact)}, is {now[fact]}"
