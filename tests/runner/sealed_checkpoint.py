"""A checkpoint without arrays: enough for whoever only wants to know whether it is there and intact."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from runner.checkpoint.manifest import Manifest
from runner.checkpoint.progress import Progress
from runner.files.seal import seal


def seal_checkpoint(run_dir: Path, step: int, phase: str = "full", base_digest: str | None = None) -> Path:
    """Make `checkpoints/STEP` with one small file, and seal it; return it."""
    folder = run_dir / "checkpoints" / str(step)
    (folder / "state").mkdir(parents=True)
    (folder / "state" / "arrays").write_bytes(bytes(range(step % 7 + 1)))
    manifest = Manifest(
        progress=Progress(phase=phase, step=step, base_digest=base_digest),
        spec_digest="s",
        plan_digest="p",
        micro_batch_rows=1,
        batch_devices=1,
        versions={"jax": "0.10.2"},
        records_end=0,
        run_id="r",
    )
    seal(folder, asdict(manifest))
    return folder
