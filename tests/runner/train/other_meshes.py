"""Save a run on one mesh and go on with it on others, in a process that has eight devices.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python -m tests.runner.train.other_meshes FOLDER

FOLDER holds a spec and its data. Leaves a run directory MESH for each mesh that ran from the first step to the last,
and RUN-STEP-MESH for a copy of a run that went on on a mesh after that step, MESH being data, fsdp and tensor as in
222. Only whole runs are exported.
"""

from __future__ import annotations

import os
import shutil
import sys
from io import StringIO
from pathlib import Path

import jax
from jax.sharding import AxisType
from rich.console import Console

import runner.train.trainer
from runner.run.execution import ExecutionSpec
from runner.train.lora_trainer import LoRATrainer
from schema.lint import load_spec

AXES = ("data", "fsdp", "tensor")
WHOLE = ("222", "111")
# The run that is taken up, after which step, and where; 4 is the boundary, 2 and 6 lie in the phases.
MOVES = [
    ("222", 6, "222"),  # base and adapters
    ("222", 2, "114"),
    ("222", 4, "111"),
    ("111", 2, "222"),
    ("222-2-114", 6, "121"),  # what was split by tensor is split by fsdp
]


def main() -> None:
    os.chdir(sys.argv[1])
    runner.train.trainer.build_mesh = lambda section: jax.make_mesh(
        (section.data, section.fsdp, section.tensor),
        AXES,
        axis_types=(AxisType.Auto,) * 3,
        devices=jax.devices()[: section.data * section.fsdp * section.tensor],
    )
    for mesh in WHOLE:
        run(mesh, mesh)
    for source, step, mesh in MOVES:
        moved = Path(f"{source}-{step}-{mesh}")
        shutil.copytree(source, moved)
        (moved / "summary.json").unlink()
        for checkpoint in (moved / "checkpoints").iterdir():
            if int(checkpoint.name) > step:
                shutil.rmtree(checkpoint)
        scored = f"training/validation={str(mesh == source).lower()}"  # a program less to compile
        run(mesh, str(moved), scored, "export/merged=false", "export/adapter=false")


def run(mesh: str, run_dir: str, *settings: str) -> None:
    devices = 1
    for size in mesh:
        devices *= int(size)
    jax.device_count = lambda: devices  # what a plan is compiled for
    overrides = [*(f"mesh/{axis}={size}" for axis, size in zip(AXES, mesh, strict=True)), *settings]
    LoRATrainer(ExecutionSpec(load_spec("spec.yaml", overrides), Path(run_dir)), Console(file=StringIO())).run()


if __name__ == "__main__":
    main()
