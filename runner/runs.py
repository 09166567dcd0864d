"""What lies in run directories, for people who look for a run or doubt one. Reads only, and loads no jax."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.job import BASE, EXPORT, SUMMARY, checkpoints_of, is_run, read_json
from runner.lock import is_locked
from runner.manifest import read_manifest, verify_base, verify_checkpoint
from runner.seal import Damaged, check_seal


@dataclass(frozen=True, slots=True)
class RunState:
    """One run: `state` is running, finished, stopped or damaged; `step` and `phase` are of its newest checkpoint."""

    name: str
    state: str
    phase: str | None
    step: int
    steps: int | None
    checkpoints: list[int]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a run that was read again; `damage` says what is wrong, and is empty where nothing is."""

    name: str
    facts: str
    damage: str


def list_runs(folder: Path) -> list[RunState]:
    """Return every run below a folder, by name; the folder may be a run itself. Raises Failure STORAGE, INVALID."""
    if not folder.is_dir():
        raise Failure(f"{folder} is no folder; name one that holds runs, such as runs", ExitCode.INVALID)
    try:
        found = [folder] if is_run(folder) else [entry for entry in sorted(folder.iterdir()) if is_run(entry)]
        return [_state(run_dir) for run_dir in found]
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error


def verify_run(path: Path) -> Iterator[Part]:
    """Read every byte of a run again, or of one of its checkpoints, and say of each part whether it is intact.

    Raises Failure INVALID when the path is neither.
    """
    found = checkpoints_of(path)
    if not found and not is_run(path):
        raise Failure(
            f"{path} holds no run; name a run directory, or a folder like runs/NAME/checkpoints/STEP", ExitCode.INVALID
        )
    in_lora_phase = False
    for checkpoint in reversed(found):
        name = f"{checkpoint.parent.name}/{checkpoint.name}"
        try:
            manifest = verify_checkpoint(checkpoint)
        except Failure as failure:
            yield Part(name, "", str(failure).partition(": ")[2])
        else:
            in_lora_phase |= manifest.phase == "lora"
            yield Part(name, f"phase {manifest.phase}, step {manifest.step:,}, {_size(checkpoint):,} bytes", "")
    run_dir = path if is_run(path) else found[0].parent.parent
    if in_lora_phase or (run_dir / BASE).exists():
        yield _base(run_dir)
    if (run_dir / EXPORT).exists():
        yield _export(run_dir)
    if run_dir == path:
        yield from _records(run_dir)


def _base(run_dir: Path) -> Part:
    try:
        digest = verify_base(run_dir)
    except Failure as failure:
        return Part(BASE, "", str(failure).partition(": ")[2])
    return Part(BASE, f"the frozen base {digest[:12]}, {_size(run_dir / BASE):,} bytes", "")


def _export(run_dir: Path) -> Part:
    try:
        digest = check_seal(run_dir / EXPORT)["weights_digest"]
    except Damaged as damaged:
        return Part(EXPORT, "", str(damaged))
    except KeyError:
        return Part(EXPORT, "", "manifest.json is of another version")
    own = _final_weights(run_dir)
    if own is not None and own != digest:
        return Part(EXPORT, "", f"it is of weights {digest[:12]}, and {SUMMARY} of {own[:12]}; run the command again")
    return Part(EXPORT, f"weights {digest[:12]}, {_size(run_dir / EXPORT):,} bytes", "")


def _final_weights(run_dir: Path) -> str | None:
    """Digest of the weights that a finished run ended with; None where it isn't finished, or goes on."""
    found = checkpoints_of(run_dir)
    try:
        summary = read_json(run_dir / SUMMARY) if (run_dir / SUMMARY).exists() else {}
        return str(summary["weights_digest"]) if found and int(found[0].name) == summary["steps"] else None
    except (Failure, KeyError, TypeError):
        return None  # what is wrong with the summary is told of the summary


def _records(run_dir: Path) -> Iterator[Part]:
    """The files that are written beside the checkpoints; those that do not exist yet are no damage."""
    for name in ("run.json", "plan.json", SUMMARY):
        if (run_dir / name).exists():
            try:
                read_json(run_dir / name)
                yield Part(name, "JSON", "")
            except Failure as failure:
                yield Part(name, "", str(failure).partition(": ")[2])
    metrics = run_dir / "metrics.jsonl"
    if metrics.exists():
        yield _metrics(metrics)


def _metrics(path: Path) -> Part:
    step, records = 0, 0
    try:
        with path.open(encoding="utf-8") as file:
            for records, line in enumerate(file, start=1):
                before, step = step, json.loads(line)["step"]
                if step < before:
                    return Part(path.name, "", f"line {records} is of step {step:,}, and follows one of {before:,}")
    except (OSError, ValueError, TypeError, KeyError):
        return Part(path.name, "", f"line {records + 1} is no record")
    return Part(path.name, f"{records:,} records up to step {step:,}", "")


def _state(run_dir: Path) -> RunState:
    found = checkpoints_of(run_dir)
    phase, step, state = None, 0, "stopped"
    if found:
        try:
            manifest = read_manifest(found[0])
            phase, step = manifest.phase, manifest.step
        except Failure:
            state = "damaged"
    steps = _planned_steps(run_dir)
    if is_locked(run_dir):
        state = "running"
    elif state != "damaged" and (run_dir / SUMMARY).exists() and step == steps:
        state = "finished"
    return RunState(run_dir.name, state, phase, step, steps, [int(folder.name) for folder in reversed(found)])


def _planned_steps(run_dir: Path) -> int | None:
    """Steps of the plan that a run follows; None before it has begun to."""
    try:
        return int(read_json(run_dir / "plan.json")["phases"][-1]["last_step"])
    except (Failure, KeyError, IndexError, TypeError, ValueError):
        return None


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
