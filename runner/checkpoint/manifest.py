"""What a checkpoint is, and which of a run's checkpoints can be trusted. Reads only, and loads no jax."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.checkpoint.progress import Progress
from runner.failure import ExitCode, Failure
from runner.files.seal import Damaged, check_seal, sealed_facts
from runner.run.layout import BASE, CHECKPOINTS, checkpoints_of
from runner.run.record import run_id


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint is: how far its run had come, and what made it. Read before a single array is."""

    progress: Progress
    spec_digest: str
    plan_digest: str
    micro_batch_rows: int  # of each device; with
    batch_devices: int  # they decide the dropout masks
    versions: dict[str, str]
    records: dict[str, Any] | None = None  # of metrics.jsonl so far (`Written`); None where an older version saved
    run_id: str | None = None  # of the run that saved it


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the checkpoint in this folder, and nothing else of it.

    Raises Failure STORAGE when there is none, or it is not one of ours.
    """
    try:
        return _manifest(sealed_facts(folder))
    except Damaged as damaged:
        raise Failure(f"{folder} is no intact checkpoint: {damaged}", ExitCode.STORAGE) from damaged


def verify_checkpoint(folder: Path) -> Manifest:
    """Read every byte of a checkpoint again. Raises Failure STORAGE with what is wrong.

    What lies among the checkpoints of a run, and is of another step than its name says or of another run, is no
    checkpoint of it.
    """
    try:
        manifest = _manifest(check_seal(folder))
        if folder.parent.name == CHECKPOINTS:
            _check_place(folder, manifest)
        return manifest
    except Damaged as damaged:
        raise Failure(f"{folder} is no intact checkpoint: {damaged}", ExitCode.STORAGE) from damaged


def verify_base(run_dir: Path) -> str:
    """Read every byte of the frozen base again; return its digest. Raises Failure STORAGE with what is wrong."""
    folder = run_dir / BASE
    try:
        return str(check_seal(folder)["base_digest"])
    except Damaged as damaged:
        raise Failure(f"{folder} is not intact: {damaged}", ExitCode.STORAGE) from damaged
    except KeyError as error:
        raise Failure(f"{folder} is not intact: manifest.json is of another version", ExitCode.STORAGE) from error


def is_whole(run_dir: Path, step: int) -> bool:
    """Whether the checkpoint of a step is intact, every byte of it, with the base that it belongs to."""
    try:
        manifest = verify_checkpoint(run_dir / CHECKPOINTS / str(step))
        return manifest.progress.phase == "full" or verify_base(run_dir) == manifest.progress.base_digest
    except Failure:
        return False


def newest_intact(path: Path) -> tuple[Path | None, dict[Path, str]]:
    """Return the newest checkpoint of a run directory whose every byte is as it was saved, with its base.

    `path` may be a checkpoint, which then is the only one to be looked at. With it come the newer ones that
    are not intact, and why.
    """
    damaged: dict[Path, str] = {}
    for folder in checkpoints_of(path):
        try:
            if verify_checkpoint(folder).progress.phase == "lora":
                verify_base(folder.parent.parent)
        except Failure as failure:
            damaged[folder] = str(failure)
        else:
            return folder, damaged
    return None, damaged


def _check_place(folder: Path, manifest: Manifest) -> None:
    step = manifest.progress.step
    if folder.name != str(step):
        raise Damaged(f"it is a copy of that of step {step:,}")
    own = run_id(folder.parent.parent)
    if own is not None and manifest.run_id not in (None, own):
        raise Damaged("it is one of another run")


def _manifest(facts: dict[str, Any]) -> Manifest:
    try:
        own = {name: value for name, value in facts.items() if name not in ("files", "fingerprints")}
        return Manifest(**{**own, "progress": Progress.from_json(facts["progress"])})
    except (AttributeError, KeyError, TypeError) as error:
        raise Damaged("manifest.json is of another version") from error
