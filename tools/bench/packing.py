#!/usr/bin/env python3
"""Time train steps over PADDED and over PACKED rows of the same conversations, in turns: supervised tokens a second.

    python tools/bench/packing.py
    python tools/bench/packing.py --phase full --block-size 512 --steps 30

Conversations of random words are made in a temporary folder; their lengths are those of a usual chat set, most of them
short. What packing should gain is what padding takes: the ratio of supervised tokens a row.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from contextlib import chdir
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import jax

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout, not an installed copy
sys.path.insert(0, str(Path(__file__).resolve().parent))

from step import Bench, prepare

from runner.data.batch import train_batch
from runner.data.catalog import open_catalog
from runner.data.loader import Batches, train_batches
from runner.data.stores.display import Silent
from runner.mesh import put_batch
from runner.plan.compile import compile_plan
from runner.state import stream_key
from runner.train.loop import DROPOUT_STREAM
from schema.spec import Spec

STYLES = ("PADDED", "PACKED")
CONVERSATIONS = 4_000
BATCH = 8  # rows
MEDIAN_WORDS, SPREAD = 12, 0.8  # of an answer; lengths are lognormal
WORDS = ("may", "I", "borrow", "the", "novel", "surely", "it", "is", "on", "a", "shelf", "beside", "our", "window")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phase", choices=["full", "lora"], default="lora")
    parser.add_argument("--block-size", type=int, default=256, help="tokens, which are bytes here")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each style")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, chdir(folder):
        write_conversations(Path("chats.jsonl"))
        specs = [spec_of(style, arguments.block_size, arguments.steps) for style in STYLES]
        benches = [prepare(spec, arguments.phase) for spec in specs]
        batches = [batches_of(spec, arguments.steps) for spec in specs]
        report(specs, benches, measure(specs, benches, batches, arguments.steps))


def write_conversations(path: Path) -> None:
    """Write questions with their answers."""
    drawn = random.Random(0)

    def words(middle: float) -> str:
        return " ".join(drawn.choices(WORDS, k=max(1, int(drawn.lognormvariate(0, SPREAD) * middle))))

    records = [
        {"prompt": f"{words(MEDIAN_WORDS / 2)}? ", "completion": words(MEDIAN_WORDS)} for _ in range(CONVERSATIONS)
    ]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")


def spec_of(style: str, block_size: int, steps: int) -> Spec:
    """A small model over the conversations in a style; a warm-up step is added."""
    mixture = [[{"name": "chats", "rate": 1.0, "style": style}]]
    tokens = [(steps + 1) * BATCH * block_size]
    architecture = {"n_layers": 4, "n_embd": 256, "n_head": 4, "block_size": block_size, "vocab_size": 320}
    return Spec.model_validate(
        {
            "architecture": {**architecture, "dtype": {"activation": "float32"}},
            "tokenizer": {"backend": "byte"},
            "data": {"sources": {"chats": {"path": "chats.jsonl"}}},
            "training": {
                **{"batch_size": BATCH, "validation": False, "evaluate": False},
                **{"pre_lora_tokens": tokens, "pre_lora_dataset": mixture},
                **{"post_lora_tokens": tokens, "post_lora_dataset": mixture},
            },
            "optimization": {"lora": {"rank": 8, "target_modules": ["attn", "mlp"]}},
        }
    )


def batches_of(spec: Spec, steps: int) -> Batches:
    """The batches of the first stage, as a run reads them."""
    plan = compile_plan(spec)
    catalog = open_catalog(spec, plan, Silent())
    batch = train_batch(spec, "full")
    entries = catalog.entries(plan.phases[0].stages[0])
    return train_batches(
        entries, seed=spec.training.seed, batch=batch, first_step_of_stage=0, start_step=0, end_step=steps + 1
    )


def measure(
    specs: list[Spec], benches: list[Bench], batches: list[Batches], steps: int
) -> list[tuple[list[float], int, int]]:
    """Take steps in turns; return seconds, supervised tokens and input tokens that are no padding, of each style."""
    found: list[tuple[list[float], int, int]] = [([], 0, 0) for _ in specs]
    for index in range(steps + 1):
        for number, (spec, bench) in enumerate(zip(specs, benches, strict=True)):
            batch = next(batches[number])
            arrays = put_batch(bench.mesh, batch.arrays())
            key = stream_key(spec.training.seed, DROPOUT_STREAM[bench.phase])
            jax.block_until_ready((arrays, key))
            start = time.perf_counter()
            bench.state, metrics = bench.compiled.train(bench.state, arrays, spec.optimization.lr, key)
            jax.block_until_ready((bench.state, metrics))
            if index:
                (taken,) = batch.ledger.values()
                seconds, supervised, filled = found[number]
                seconds.append(time.perf_counter() - start)
                found[number] = seconds, supervised + taken.tokens_supervised, filled + taken.tokens_seen
    return found


def report(specs: list[Spec], benches: list[Bench], found: list[tuple[list[float], int, int]]) -> None:
    """Print one line a style, and what packing gained of what padding took."""
    block_size, phase = specs[0].architecture.block_size, benches[0].phase
    steps = len(found[0][0])
    print(f"phase {phase}, {steps} steps in turns, {BATCH} rows of {block_size} tokens")
    print("style   padding  supervised a step  median ms  best ms  supervised tokens/s")
    for style, (seconds, supervised, filled) in zip(STYLES, found, strict=True):
        padding = 1 - filled / (steps * BATCH * block_size)
        rate = supervised / steps / median(seconds)
        print(
            f"{style:<6}  {100 * padding:>5.1f} %  {supervised / steps:>17,.0f}  {median(seconds) * 1e3:>9.1f}"
            f"  {min(seconds) * 1e3:>7.1f}  {rate:>19,.0f}"
        )
    (padded, few, _), (packed, many, _) = found
    gains = [many / few * of(padded) / of(packed) for of in (median, min)]
    print(f"padding took {many / few:.2f}; packing gained {gains[0]:.2f} by medians, {gains[1]:.2f} by best times")


if __name__ == "__main__":
    main()
