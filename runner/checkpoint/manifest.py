"""What a checkpoint is; `runner.checkpoint.intact` says whether it can be trusted. Loads no jax."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.checkpoint.progress import Progress
from runner.data.stores.trained import Trained
from runner.failure import ExitCode, Failure
from runner.files.seal import Damaged, sealed_facts
from runner.run.layout import checkpoints_in


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint is: how far its run had come, and what made it. Read before a single array is."""

    progress: Progress
    spec_digest: str
    plan_digest: str
    micro_batch_rows: int  # of each device; with
    batch_devices: int  # they decide the dropout masks
    versions: dict[str, str]
    records_end: int  # bytes of metrics.jsonl that precede it
    run_id: str  # of the run that saved it


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the checkpoint in this folder, and nothing else of it.

    Raises Failure STORAGE when there is none that can be read.
    """
    try:
        return manifest_of(sealed_facts(folder))
    except Damaged as damaged:
        raise Failure(f"{folder} is no intact checkpoint: {damaged}", ExitCode.STORAGE) from damaged


def trained_on(run_dir: Path) -> Trained | None:
    """Return what the newest checkpoint that says anything was trained on; None where there is none."""
    for folder in checkpoints_in(run_dir):
        with suppress(Failure):
            progress = read_manifest(folder).progress
            return Trained(run_dir, progress.step, progress.stores)
    return None


def manifest_of(facts: Mapping[str, Any]) -> Manifest:
    """Read the facts of a sealed checkpoint. Raises Damaged."""
    try:
        own = {name: value for name, value in facts.items() if name not in ("files", "fingerprints")}
        return Manifest(**{**own, "progress": Progress.from_json(facts["progress"])})
    except (AttributeError, KeyError, TypeError) as error:
        raise Damaged("manifest.json is of another version") from error
