"""Whether a spec may run in a directory: it is new, or the run in it may resume with this spec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from runner.files.contents import changed_files
from runner.files.digested_json import read_json
from runner.process.variables import changed_variables
from runner.run.execution import ExecutionSpec
from runner.run.identity import identity_of
from runner.run.layout import BASE, BEFORE_A_RUN, EXPORT, checkpoints_in, is_run
from runner.run.moved import PLACES, names_the_same
from schema.changes import compare
from schema.document import load_schema
from schema.environment import Run

NEW_FOLDER = "give --run-dir a new or empty folder"


def check_run_dir(execution: ExecutionSpec) -> Run:
    """Check, without writing anything, that the run directory is new or that the run there may resume with this spec.

    Returns what lies there. Raises Failure RESUME when it holds another run or something that is no run, STORAGE when
    it cannot be read.
    """
    found = inspect_run_dir(execution.run_dir, identity_of(execution))
    if found.obstacle:
        raise Failure(f"{found.path} {found.obstacle}; {NEW_FOLDER}", ExitCode.RESUME)
    if found.start:
        raise Failure(
            f"{found.path} began with weights whose files are others now ({'; '.join(found.start)}); bring them back, "
            f"or {NEW_FOLDER}",
            ExitCode.RESUME,
        )
    if found.variables:
        raise Failure(
            f"{found.path} began in an environment that computes otherwise "
            f"({'; '.join(map(str, found.variables))}); set them as they were, {NEW_FOLDER}, or start another run from "
            "its weights with --fork NAME",
            ExitCode.RESUME,
        )
    if found.changes:
        changed = [str(change) for change in found.changes]
        raise Failure(
            f"{found.path} belongs to another spec ({'; '.join(changed[:5])}{'; …' if len(changed) > 5 else ''}); "
            f"restore those keys, {NEW_FOLDER}, or start another run from its weights with --fork NAME",
            ExitCode.RESUME,
        )
    return found


def inspect_run_dir(folder: Path, own: dict[str, Any]) -> Run:
    """Say what lies in a run directory, compared with the identity of the run that would write there, its `own`.

    Raises Failure STORAGE when it cannot be read.
    """
    try:
        if any("\ud800" <= letter <= "\udfff" for letter in str(folder.absolute())):  # orbax takes UTF-8 alone
            return Run(str(folder), obstacle="is no path in UTF-8")
        if folder.exists() and not folder.is_dir():
            return Run(str(folder), obstacle="is a file")
        if not is_run(folder):
            strange = folder.exists() and any(entry.name not in BEFORE_A_RUN for entry in folder.iterdir())
            return Run(str(folder), obstacle="is not empty and holds no run" if strange else "")
        saved = tuple(int(entry.name) for entry in reversed(checkpoints_in(folder)))
        holds = tuple(name for name in (BASE, EXPORT) if (folder / name).is_dir())
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error
    step = saved[-1] if saved else None
    try:
        noted = read_json(folder / "run.json")
    except Failure as failure:
        raise Failure(f"{failure}; bring back a copy of that file, or {NEW_FOLDER}", failure.exit_code) from failure
    changes = [
        (change, names_the_same(change, noted) if change.key in PLACES else resumes)
        for change, resumes in compare(noted, own, step or 0, load_schema(), _stage_ends(folder))
    ]
    refused, accepted = (tuple(change for change, resumes in changes if resumes is kind) for kind in (False, True))
    return Run(
        str(folder),
        changes=refused,
        start=(*_changed_files(noted.get("start") or {}), *_changed_files(noted.get("init") or {})),
        accepted=accepted,
        step=step,
        saved=saved,
        holds=holds,
        variables=changed_variables(noted.get("variables"), os.environ),
    )


def _stage_ends(folder: Path) -> list[int] | None:
    """Return the last step of each stage of a run's plan; None where that is missing or damaged."""
    try:
        plan = read_json(folder / "plan.json")
        return [int(stage["last_step"]) for phase in plan["phases"] for stage in phase["stages"]]
    except (Failure, KeyError, TypeError, ValueError):
        return None


def _changed_files(start: Mapping[str, Any]) -> tuple[str, ...]:
    """Say which files of a model or an adapter are others now; `start` is what a run that began with it noted."""
    try:
        return tuple(f"{start['path']}/{each}" for each in changed_files(Path(start["path"]), start.get("files", {})))
    except KeyError:  # it began with none
        return ()
    except OSError as error:
        raise Failure(f"cannot read {start['path']}: {error.strerror or error}", ExitCode.STORAGE) from error
