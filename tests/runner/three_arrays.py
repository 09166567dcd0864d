"""A run without a model: its state is a dictionary of three arrays, which its checkpoints and its base hold."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from runner.checkpoint.base import save_base
from runner.checkpoint.manifest import Manifest
from runner.checkpoint.progress import Progress
from runner.checkpoint.save import Checkpoints
from runner.files.digested_json import write_facts
from schema.budget.retention import Retention

RUN_ID = "0" * 32
ALL = Retention(99, 0, ())


def begin_run(folder: Path, run_id: str = RUN_ID) -> Path:
    """Make a run directory of which nothing is saved yet; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_facts(folder / "run.json", {"run_id": run_id, "spec": {"architecture/n_embd": 16}, "start": None})
    return folder


def state_at(step: int) -> dict[str, Any]:
    """The state after a step: (16, 8) float32, (8,) bfloat16 and an integer."""
    weights = jax.random.normal(jax.random.key(step), (16, 8))
    return {"weights": weights, "moments": weights[0].astype(jnp.bfloat16), "step": jnp.int32(step)}


def abstract_state() -> Any:
    """The same as shapes, types and shardings, of one device."""
    one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=one), state_at(0))


def manifest_at(step: int, base_digest: str | None = None, run_id: str = RUN_ID) -> Manifest:
    """A manifest of that step: of phase lora where it names a base."""
    return Manifest(
        progress=Progress("lora" if base_digest else "full", step=step, base_digest=base_digest),
        spec_digest="s",
        plan_digest="p",
        micro_batch_rows=1,
        batch_devices=1,
        versions={},
        records_end=0,
        run_id=run_id,
    )


def save(run_dir: Path, steps: Iterable[int], retention: Retention = ALL, **options: Any) -> None:
    """Save checkpoints of phase full one after the other, as one process would."""
    with closing(Checkpoints(run_dir, retention, **options)) as checkpoints:
        for step in steps:
            checkpoints.save(state_at(step), manifest_at(step))


def two_phases(run_dir: Path, seed: int = 0, run_id: str = RUN_ID) -> Path:
    """Make a run whose phase full ends at step 2, with a base, and checkpoints 3 and 4 of phase lora."""
    begin_run(run_dir, run_id)
    with closing(Checkpoints(run_dir, ALL)) as checkpoints:
        checkpoints.save(state_at(2), manifest_at(2, run_id=run_id))
        digest = save_base(run_dir, base_of(seed)).facts["base_digest"]
        for step in (3, 4):
            checkpoints.save(state_at(step), manifest_at(step, digest, run_id))
    return run_dir


def base_of(seed: int = 0) -> dict[str, Any]:
    """A frozen base of one array."""
    return {"kernel": jax.random.normal(jax.random.key(100 + seed), (32, 8)).astype(jnp.bfloat16)}


def arrays_file(folder: Path) -> Path:
    """The largest file of arrays in a sealed folder."""
    return max((folder / "state").rglob("d/*"), key=lambda path: path.stat().st_size)


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def same(one: Any, other: Any) -> bool:
    """Whether two trees have the same types and bits."""
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() and a.dtype == b.dtype for a, b in leaves)
