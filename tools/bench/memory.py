#!/usr/bin/env python3
"""Compare the estimate of a step's memory with what the compiler plans, for a sweep of shapes; nothing is run.

    python tools/bench/memory.py                                shapes × types × phases × remat × micro-batches
    python tools/bench/memory.py --shape deep --remat names     a part of it

`temporary` is the compiler's, `ratio` is that to the estimate: above 1 where the estimate is too small. The last line
counts the programs that are farther from it than 10 and 15 %.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Any

import jax

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout, not an installed copy

from runner.lora.state import abstract_lora_state
from runner.mesh import build_mesh
from runner.state import abstract_full_state
from runner.train.compiled import compile_phase
from runner.train.trainer import model_of
from schema.budget.activations import micro_batch_bytes
from schema.budget.bytes import state_bytes
from schema.budget.stages import Phase
from schema.spec import Spec

GROUPED = {"n_layers": 4, "n_embd": 256, "n_head": 4, "n_kv_head": 2, "block_size": 256, "vocab_size": 4096}
SHAPES: dict[str, dict[str, Any]] = {
    "deep": {"n_layers": 8, "n_embd": 512, "n_head": 8, "block_size": 1024, "vocab_size": 320},
    "wide": {"n_layers": 6, "n_embd": 768, "n_head": 12, "block_size": 512, "vocab_size": 32_000},
    "wider": {"n_layers": 6, "n_embd": 768, "n_head": 12, "block_size": 512, "vocab_size": 50_304},
    "grouped": GROUPED,
    "llama": {**GROUPED, "family": "llama", "intermediate_size": 704},
    "qwen3": {**GROUPED, "family": "qwen3", "intermediate_size": 704, "head_dim": 96, "tie_embeddings": True},
    "short": {"n_layers": 4, "n_embd": 384, "n_head": 6, "block_size": 128, "vocab_size": 8192},
}
BATCH = 4
ROWS = (1, 2, 4)
PHASES: tuple[Phase, ...] = ("full", "lora")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", action="append", choices=SHAPES)
    parser.add_argument("--remat", action="append", choices=["none", "names", "full"])
    parser.add_argument("--dtype", action="append", choices=["float32", "bfloat16"])
    arguments = parser.parse_args()
    shapes, remats = arguments.shape or SHAPES, arguments.remat or ["none", "names", "full"]
    ratios = []
    print(f"{'shape':<8} {'remat':<6} {'type':<9} phase  rows × micro-batches  temporary MB  ratio")
    for shape, remat, dtype in product(shapes, remats, arguments.dtype or ["float32", "bfloat16"]):
        spec = spec_of(SHAPES[shape], remat, dtype)
        for phase, rows in product(PHASES, ROWS):
            planned, estimated = compare(spec, phase, rows)
            ratios.append(planned / estimated)
            cut = f"{rows} × {BATCH // rows}"
            print(
                f"{shape:<8} {remat:<6} {dtype:<9} {phase:<5}  {cut:>20}  {planned / 1e6:>12,.0f}  {ratios[-1]:>5.2f}",
                flush=True,
            )
    far = [sum(abs(ratio - 1) > share for ratio in ratios) for share in (0.1, 0.15)]
    print(f"{len(ratios)} programs: {far[0]} are farther than 10 %, {far[1]} farther than 15 %")


def spec_of(shape: dict[str, Any], remat: str, dtype: str) -> Spec:
    architecture = {**shape, "remat": remat, "dtype": {"activation": dtype}}
    training = {"batch_size": BATCH, "validation": False, "evaluate": False}
    lora = {"rank": 8, "target_modules": ["attn", "mlp"]}
    return Spec.model_validate({"architecture": architecture, "training": training, "optimization": {"lora": lora}})


def compare(spec: Spec, phase: Phase, rows: int) -> tuple[int, int]:
    """Return the temporary bytes of a train step as they are planned and as they are estimated."""
    mesh = build_mesh(spec.mesh)
    abstract: Any = abstract_full_state if phase == "full" else abstract_lora_state
    memory = compile_phase(spec, mesh, abstract(model_of(spec), spec, mesh), rows).memory
    if memory is None:
        sys.exit("this compiler does not say what a program needs")
    axes = dict(mesh.shape)
    gradients = state_bytes(spec.architecture, spec.optimization, axes, phase)["gradients"]
    return memory.temporary, gradients + micro_batch_bytes(spec, axes, phase, rows, jax.default_backend())


if __name__ == "__main__":
    main()
