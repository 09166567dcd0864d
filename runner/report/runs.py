"""What lies in run directories, for people who look for a run. Reads only, and loads no jax."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.checkpoint.manifest import read_manifest
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.run.layout import BASE, EXPORT, SUMMARY, checkpoints_of, is_run
from runner.run.lock import is_locked


@dataclass(frozen=True, slots=True)
class RunState:
    """One run: `state` is running, finished, stopped or damaged; `step` and `phase` are of its newest checkpoint."""

    name: str
    state: str
    phase: str | None
    step: int
    steps: int | None
    checkpoints: list[int]


def list_runs(folder: Path) -> list[RunState]:
    """Return every run below a folder, by name; the folder may be a run itself. Raises Failure STORAGE, INVALID."""
    if not folder.is_dir():
        raise Failure(f"{folder} is no folder; name one that holds runs, such as runs", ExitCode.INVALID)
    try:
        found = [folder] if is_run(folder) else [entry for entry in sorted(folder.iterdir()) if is_run(entry)]
        return [_state(run_dir) for run_dir in found]
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error


def _state(run_dir: Path) -> RunState:
    found = checkpoints_of(run_dir)
    phase, step, state = None, 0, "stopped"
    if found:
        try:
            manifest = read_manifest(found[0])
            phase, step = manifest.progress.phase, manifest.progress.step
        except Failure:
            state = "damaged"
    plan, summary = _facts(run_dir / "plan.json"), _facts(run_dir / SUMMARY)
    if is_locked(run_dir):
        state = "running"
    elif summary is None or (phase == "lora" and not (run_dir / BASE).is_dir()):
        state = "damaged"
    elif state != "damaged" and _has_ended(run_dir, summary, plan, step):
        state = "finished"
    steps = _planned_steps(plan)
    return RunState(run_dir.name, state, phase, step, steps, [int(folder.name) for folder in reversed(found)])


def _facts(path: Path) -> dict[str, Any] | None:
    """What a JSON file of a run says, nothing where there is none; None where it is damaged."""
    try:
        return read_json(path) if path.exists() else {}
    except Failure:
        return None


def _has_ended(run_dir: Path, summary: dict[str, Any], plan: dict[str, Any] | None, step: int) -> bool:
    """Whether a summary is of the end of this plan, and what was to be exported is there."""
    if not plan or summary.get("plan_digest") != plan.get("digest") or summary.get("steps") != step:
        return False
    return not summary.get("export") or (run_dir / EXPORT).is_dir()


def _planned_steps(plan: dict[str, Any] | None) -> int | None:
    """Steps of the plan that a run follows; None before its first."""
    try:
        return int((plan or {})["phases"][-1]["last_step"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
