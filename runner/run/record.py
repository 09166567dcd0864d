"""run.json: what a run directory records of its run, written before anything else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json, write_facts
from runner.process.variables import deciding_variables
from runner.run.execution import ExecutionSpec
from runner.run.identity import identity_of
from runner.run.layout import is_run
from schema.document import Recorded
from schema.environment import Run
from schema.families import ConfigError, architecture_of

HUB_KEYS = ("architecture/pretrained", "tokenizer/name")  # that may name a model of the hub


def make_run_dir(folder: Path) -> None:
    """Make the folder of a run, so that it can be locked. Raises Failure STORAGE."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable_run_dir(folder, error.strerror or str(error)) from error


def unwritable_run_dir(folder: Path, reason: str) -> Failure:
    """Return the refusal of a run whose folder can't be made or written."""
    return Failure(f"cannot write the run directory {folder}: {reason}", ExitCode.STORAGE)


def create_run_dir(
    execution: ExecutionSpec,
    start: Mapping[str, Any] | None = None,
    origin: Mapping[str, Any] | None = None,
    init: Mapping[str, Any] | None = None,
) -> None:
    """Create the run directory and its `run.json`, unless it is there. Raises Failure STORAGE.

    `start` pins the checkpoint whose weights the run begins with (`runner.train.start.pin`); `origin` is what an export
    keeps of the model of others that they come from (`WeightSource.origin`). `init` pins the adapters that phase lora
    begins with (`runner.lora.init.pin_init`).
    """
    folder = execution.run_dir
    make_run_dir(folder)
    try:
        if not is_run(folder):
            begun = {"start": start, "origin": dict(origin or {}), "init": init, "pins": dict(execution.pins)}
            begun["variables"] = deciding_variables(os.environ)
            write_facts(folder / "run.json", {"run_id": uuid4().hex, **identity_of(execution), **begun})
    except OSError as error:
        raise unwritable_run_dir(folder, error.strerror or str(error)) from error


def accept_changes(execution: ExecutionSpec, found: Run, step: int) -> None:
    """Write down that the run resumes with another spec after a step. Raises OSError."""
    path = execution.run_dir / "run.json"
    noted = read_json(path)
    history = [
        *noted.get("history", []),
        {"step": step, "changes": [each._asdict() for each in found.accepted]},
    ]
    write_facts(path, {**noted, **identity_of(execution), "history": history})


def note_start(run_dir: Path, start: Mapping[str, Any]) -> None:
    """Write down that a run, of which nothing is saved yet, begins with another checkpoint. Raises OSError."""
    write_facts(run_dir / "run.json", {**read_json(run_dir / "run.json"), "start": start})


def recorded(run_dir: Path) -> Recorded:
    """What the run in a directory notes of the model that its spec names; nothing where no run lies, or a damaged one.

    A model's folder that was moved or deleted still has its architecture so.
    """
    try:
        noted = read_json(run_dir / "run.json") if is_run(run_dir) else {}
    except (Failure, OSError):  # whoever inspects the directory says so
        return Recorded()
    pins, names = noted.get("pins", {}), [noted.get("spec", {}).get(key) for key in HUB_KEYS]
    local = tuple(name for name in names if name and name not in pins.values())
    named, config = names[0], noted.get("origin", {}).get("config.json")
    try:
        return Recorded({named: architecture_of(config)} if named and config else {}, pins, local)
    except ConfigError:  # of a family that this version does not have
        return Recorded({}, pins, local)


def note_saved(run_dir: Path, step: int) -> None:
    """Write down the step of a run's first checkpoint: a run begins only once. Raises OSError."""
    path = run_dir / "run.json"
    if is_run(run_dir) and "saved" not in (noted := read_json(path)):
        write_facts(path, {**noted, "saved": step})


def note_micro_batch(run_dir: Path, phase: str, micro_batch: Mapping[str, Any]) -> None:
    """Write down the rows that a phase takes at once, and on which devices they were found to fit. Raises OSError."""
    path = run_dir / "run.json"
    noted = read_json(path)
    known = noted.get("micro_batches", {})
    if known.get(phase) != micro_batch:
        write_facts(path, {**noted, "micro_batches": {**known, phase: dict(micro_batch)}})


def noted_micro_batch(run_dir: Path, phase: str) -> dict[str, Any] | None:
    """What `note_micro_batch` wrote of a phase, if anything. Raises Failure STORAGE."""
    found: dict[str, Any] | None = read_json(run_dir / "run.json").get("micro_batches", {}).get(phase)
    return found


def origin_of(run_dir: Path) -> dict[str, Any]:
    """What was noted of the model of others that a run began with; empty without one. Raises Failure STORAGE."""
    found: dict[str, Any] = read_json(run_dir / "run.json").get("origin", {})
    return found


def run_id(run_dir: Path) -> str | None:
    """The identity of a run, which no other one has; None where no run lies, or a damaged one."""
    try:
        return str(read_json(run_dir / "run.json")["run_id"])
    except Failure:
        return None
