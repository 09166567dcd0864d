"""Where a run lives and how it is found again: the run directory and its identity.

A run directory belongs to one spec. `run.json`, written before anything else, holds that spec. What another spec
changes is accepted where nothing that was trained depends on it (`schema.changes`), else refused by name of the keys.
"""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from runner.failure import ExitCode, Failure
from runner.own_digest import read_text, with_digest
from schema.budget import one_budget
from schema.changes import compare
from schema.document import load_schema
from schema.environment import Change, Run
from schema.spec import Spec

# Keys of architecture that change neither shapes nor the function that trained weights compute.
HARMLESS = ("pretrained", "dropout", "remat", "dtype")
MANIFEST = "manifest.json"  # of a checkpoint, or of the frozen base
CHECKPOINTS, BASE, EXPORT = "checkpoints", "base", "export"  # folders of a run directory
SUMMARY = "summary.json"  # of a finished run
BEFORE_A_RUN = (".lock", ".run.json.partial")  # what may lie in a run directory that has no run.json yet
NEW_FOLDER = "give --run-dir a new or empty folder"


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


def check_run_dir(execution: ExecutionSpec) -> Run:
    """Check, without writing anything, that the run directory is new or that the run there may go on with this spec.

    Returns what lies there. Raises Failure RESUME when it holds another run or something that is no run, STORAGE when
    it cannot be read.
    """
    found = inspect_run_dir(execution.run_dir, _identity(execution))
    if found.obstacle:
        raise Failure(f"{found.path} {found.obstacle}; {NEW_FOLDER}", ExitCode.RESUME)
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
        if folder.exists() and not folder.is_dir():
            return Run(str(folder), obstacle="is a file")
        if not is_run(folder):
            strange = folder.exists() and any(entry.name not in BEFORE_A_RUN for entry in folder.iterdir())
            return Run(str(folder), obstacle="is not empty and holds no run" if strange else "")
        saved = tuple(int(entry.name) for entry in reversed(_checkpoints(folder)))
        holds = tuple(name for name in (BASE, EXPORT) if (folder / name).is_dir())
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error
    step = saved[-1] if saved else None
    try:
        noted = read_json(folder / "run.json")
    except Failure as failure:
        raise Failure(f"{failure}; bring back a copy of that file, or {NEW_FOLDER}", failure.exit_code) from failure
    changes = [*compare(noted, own, step or 0, load_schema())]
    refused, accepted = (tuple(change for change, goes_on in changes if goes_on is kind) for kind in (False, True))
    return Run(str(folder), changes=refused, accepted=accepted, step=step, saved=saved, holds=holds)


def identity(values: dict[str, Any], start: Path | None, single: bool) -> dict[str, Any]:
    """What a run is: the values of its spec as flat slash keys, and where it starts from.

    `single` says whether training/tokens and training/dataset alone decide.
    """
    start_at = str(start.resolve()) if start else None
    return {"spec": dict(_flatten(values, "")), "starting_point": start_at, "one_budget": single}


def spec_digest(spec: Spec) -> str:
    """Digest of every value of a spec, whatever it decides."""
    return hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def make_run_dir(folder: Path) -> None:
    """Make the folder of a run, so that it can be locked. Raises Failure STORAGE."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"cannot write the run directory {folder}: {reason}", ExitCode.STORAGE) from error


def create_run_dir(execution: ExecutionSpec, start: Mapping[str, str] | None = None) -> None:
    """Create the run directory and its `run.json`, unless it is there. Raises Failure STORAGE.

    `start` pins the checkpoint whose weights the run begins with (`runner.start.pin`).
    """
    folder = execution.run_dir
    make_run_dir(folder)
    try:
        if not is_run(folder):
            facts = {"run_id": uuid4().hex, **_identity(execution), "start": start}
            write_facts(folder / "run.json", facts)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"cannot write the run directory {folder}: {reason}", ExitCode.STORAGE) from error


def accept_changes(execution: ExecutionSpec, found: Run, step: int) -> None:
    """Write down that the run goes on with another spec after a step. Raises OSError."""
    path = execution.run_dir / "run.json"
    noted = read_json(path)
    history = [
        *noted.get("history", []),
        {"step": step, "changes": [asdict(each) for each in found.accepted]},
    ]
    write_facts(path, {**noted, **_identity(execution), "history": history})


def note_start(run_dir: Path, start: Mapping[str, str]) -> None:
    """Write down that a run, of which nothing is saved yet, begins with another checkpoint. Raises OSError."""
    write_facts(run_dir / "run.json", {**read_json(run_dir / "run.json"), "start": start})


def note_saved(run_dir: Path, step: int) -> None:
    """Write down the step of a run's first checkpoint, so that it never begins anew. Raises OSError."""
    path = run_dir / "run.json"
    if is_run(run_dir) and "saved" not in (noted := read_json(path)):
        write_facts(path, {**noted, "saved": step})


def note_lost_records(run_dir: Path, step: int) -> None:
    """Write down that the records up to a checkpoint of a run are gone. Raises OSError."""
    write_facts(run_dir / "run.json", {**read_json(run_dir / "run.json"), "records_lost": step})


def run_id(run_dir: Path) -> str | None:
    """What tells a run from every other one; None where no run lies, or one of an older version, or a damaged one."""
    try:
        return read_json(run_dir / "run.json").get("run_id")
    except Failure:
        return None


def is_run(folder: Path) -> bool:
    """Whether a folder is a run directory."""
    return (folder / "run.json").is_file()


def checkpoints_of(path: Path) -> list[Path]:
    """Return the checkpoints that a path names, newest first: itself alone, or all of the run directory that it is.

    Nobody has looked yet whether they are intact.
    """
    path = _place(path)
    named = path.parent.name == CHECKPOINTS and is_step(path.name) and path.is_dir()
    return [path] if named or (path / MANIFEST).is_file() else _checkpoints(path)


def _place(path: Path) -> Path:
    """Where a path leads; a link in the place of a run's folder `checkpoints` stays, for the base is beside it."""
    path = path.absolute()
    if ".." in path.parts:
        after = len(path.parts) - path.parts[::-1].index("..")
        path = Path(*path.parts[:after]).resolve().joinpath(*path.parts[after:])
    if path.is_symlink() and path.exists() and path.parent.name != CHECKPOINTS:
        return _place(path.parent / path.readlink())
    return path


def is_step(name: str) -> bool:
    """Whether a checkpoint may have this name: a step as it is written, and nothing else that is a number."""
    return name.isascii() and name.isdecimal() and str(int(name)) == name


def find_checkpoint(path: Path) -> Path | None:
    """Return the checkpoint that a path names: itself, or the newest of a run directory, with a manifest if one has."""
    found = checkpoints_of(path)
    return next((folder for folder in found if (folder / MANIFEST).is_file()), found[0] if found else None)


def other_architecture(checkpoint: Path, own: dict[str, Any]) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """Return the flat spec of a checkpoint's run, and the keys whose shapes are not those of `own` architecture.

    Raises Failure STORAGE when its `run.json` cannot be read.
    """
    source: dict[str, Any] = read_json(checkpoint.parent.parent / "run.json")["spec"]
    return source, tuple(
        Change(f"architecture/{name}", json.dumps(value), json.dumps(own.get(name)))
        for name, value in unflatten(source)["architecture"].items()
        if name not in HARMLESS and value != own.get(name)
    )


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write a small JSON file with a digest of its own text, whole or not at all. Raises OSError."""
    write_atomically(path, with_digest(json.dumps(facts, indent=2)))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of ours. Raises Failure STORAGE when it is missing, or not as it was written."""
    try:
        return read_text(path.read_text(encoding="utf-8")).facts
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
    sync(path.parent)


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that a rename outlives a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _identity(execution: ExecutionSpec) -> dict[str, Any]:
    spec = execution.spec
    return identity(spec.model_dump(mode="json"), execution.starting_point, one_budget(spec.training.model_fields_set))


def _checkpoints(run_dir: Path) -> list[Path]:
    """Whatever is called like a checkpoint of a run directory, newest first, damaged or strange."""
    folder = run_dir / CHECKPOINTS
    steps = [entry for entry in folder.iterdir() if is_step(entry.name)] if folder.is_dir() else []
    return sorted(steps, key=lambda entry: int(entry.name), reverse=True)


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
