#!/usr/bin/env python3
"""Time one train step of each phase with each `architecture/remat`, in turns, on the devices of this machine.

    python tools/bench/step.py specs/quickstart.yaml
    python tools/bench/step.py specs/quickstart.yaml --set training/batch_size=16 --steps 40
    python tools/bench/step.py specs/quickstart.yaml --remat none --remat names --remat full

The programs are those that `exec` compiles first, with the micro-batch that is written or estimated; rows are random
tokens, all of them supervised. All states are on the devices at once, which `exec` never does: a model that fills a
device does not fit here. FLOPs are the model's by `schema.families`, not the machine's; the last line is the ratio of
lora to full that they allow.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout, not an installed copy

from runner.lora.transition import transition_to_lora
from runner.mesh import put_batch
from runner.run.execution import ExecutionSpec
from runner.state import create_full_state, stream_key
from runner.train.compiled import CompiledPhase, compile_phase, device_memory
from runner.train.loop import DROPOUT_STREAM
from runner.train.lora_trainer import LoRATrainer
from runner.train.micro_batch_checks import micro_batch_rows
from schema.budget.stages import Phase
from schema.families import adapters, flops_per_token, parameters
from schema.lint import load_spec
from schema.spec import Spec

PHASES: tuple[Phase, ...] = ("full", "lora")


@dataclass(slots=True)
class Bench:
    """One phase under measurement: its programs, its current state and the seconds of its steps."""

    phase: Phase
    remat: str
    mesh: jax.sharding.Mesh
    compiled: CompiledPhase
    state: Any
    flops_per_token: int
    compile_seconds: float
    seconds: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each phase")
    parser.add_argument("--warm-up", type=int, default=3, help="steps of each phase before the clock counts")
    parser.add_argument(
        "--remat", action="append", choices=["none", "names", "full"], help="a setting to time; repeatable"
    )
    arguments = parser.parse_args()
    spec = load_spec(arguments.spec, arguments.overrides)
    settings = arguments.remat or [spec.architecture.remat]
    specs = [load_spec(arguments.spec, [*arguments.overrides, f"architecture/remat={remat}"]) for remat in settings]
    benches = [prepare(each, phase) for phase in PHASES for each in specs]
    measure(spec, benches, arguments.warm_up, arguments.steps)
    report(spec, benches)


def prepare(spec: Spec, phase: Phase) -> Bench:
    """Create the first state of a phase and compile its programs, as the trainer does; no folder is made."""
    trainer = LoRATrainer(ExecutionSpec(spec, Path("never-written")))
    trainer.state, trainer.state_sharding = create_full_state(trainer.model, spec, trainer.mesh)
    if phase == "lora":
        transition_to_lora(trainer)
    state, mesh = trainer.state, trainer.mesh
    start = time.perf_counter()
    compiled = compile_phase(spec, mesh, state, micro_batch_rows(spec, mesh, phase, device_memory()))
    taken = time.perf_counter() - start
    lora = spec.optimization.lora
    added = adapters(parameters(spec.architecture), lora.target_modules, lora.rank)
    size = sum(parameter.size for parameter in added)
    return Bench(
        phase,
        spec.architecture.remat,
        mesh,
        compiled,
        state,
        flops_per_token(spec.architecture, size, phase),
        taken,
        [],
    )


def measure(spec: Spec, benches: list[Bench], warm_up: int, steps: int) -> None:
    """Run the phases in turns, one step each, until every phase has its steps."""
    shape = (spec.training.batch_size, spec.architecture.block_size)
    tokens = np.random.default_rng(0).integers(0, spec.architecture.vocab_size, (shape[0], shape[1] + 1), np.int32)
    mask = np.ones(shape, np.float32)
    batch = put_batch(benches[0].mesh, {"tokens": tokens[:, :-1], "targets": tokens[:, 1:], "mask": mask})
    for index in range(warm_up + steps):
        for bench in benches:
            key = stream_key(spec.training.seed, DROPOUT_STREAM[bench.phase])
            jax.block_until_ready(key)
            start = time.perf_counter()
            bench.state, metrics = bench.compiled.train(bench.state, batch, spec.optimization.lr, key)
            jax.block_until_ready((bench.state, metrics))
            if index >= warm_up:
                bench.seconds.append(time.perf_counter() - start)
            if not metrics["finite"]:
                sys.exit(f"step {index + 1} of phase {bench.phase} is not finite: these times say nothing")


def report(spec: Spec, benches: list[Bench]) -> None:
    """Print one line a phase and the ratio of their speeds."""
    tokens = spec.training.batch_size * spec.architecture.block_size
    devices, axes = f"{jax.device_count()} × {jax.devices()[0].device_kind}", dict(benches[0].mesh.shape)
    print(f"{devices}, mesh {axes}, {len(benches[0].seconds)} steps in turns, {tokens:,} tokens a step")
    print(
        f"{'phase':<5}  {'remat':<5}  {'median ms':>9}  {'best ms':>8}  {'tokens/s':>10}  {'GFLOP/s':>8}  micro-batch  "
        f"{'temporary MB':>12}  compile s"
    )
    for bench in benches:
        seconds = median(bench.seconds)
        flops = tokens * bench.flops_per_token / seconds
        micro = f"{bench.compiled.micro_rows} rows × {bench.compiled.accumulation}"
        memory = bench.compiled.memory
        temporary = f"{memory.temporary / 1e6:,.0f}" if memory else "unknown"
        print(
            f"{bench.phase:<5}  {bench.remat:<5}  {seconds * 1e3:>9.1f}  {min(bench.seconds) * 1e3:>8.1f}"
            f"  {tokens / seconds:>10,.0f}  {flops / 1e9:>8.1f}  {micro:>11}  {temporary:>12}"
            f"  {bench.compile_seconds:>9.1f}"
        )
    for bench in benches:
        compare(benches, bench)
    of_phase = {bench.phase: bench.flops_per_token for bench in benches}
    print(f"lora/full by model FLOPs: at most {of_phase['full'] / of_phase['lora']:.2f}")


def compare(benches: list[Bench], bench: Bench) -> None:
    """Print how much faster a step is than with the first setting, and than phase full with the same."""
    first = next(each for each in benches if each.phase == bench.phase)
    if bench is not first:
        print(f"{bench.phase} {bench.remat}/{first.remat} {speed(bench, first)} in tokens/s")
    if bench.phase == "lora":
        full = next(each for each in benches if each.phase == "full" and each.remat == bench.remat)
        print(f"{bench.remat} lora/full {speed(bench, full)} in tokens/s")


def speed(bench: Bench, other: Bench) -> str:
    """How many times faster one is than another, by medians and by best times."""
    medians, best = median(other.seconds) / median(bench.seconds), min(other.seconds) / min(bench.seconds)
    return f"{medians:.2f} by medians, {best:.2f} by best times"


if __name__ == "__main__":
    main()
