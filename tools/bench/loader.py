"""Measure what reading batches costs: tokens per second of CPU time, and how long a run waits for them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from runner.data.batch import BatchSpec
from runner.data.loader import train_batches
from runner.data.mixture import MixtureEntry
from runner.data.stores.encode import joined
from runner.data.stores.finish import finished
from runner.data.stores.store import Split
from runner.data.stores.writer import StoreWriter
from runner.data.styles import Rows, load_style

ROOT = Path(__file__).resolve().parents[2]
STYLES = ("PMD", "PADDED", "PACKED")
ROUNDS = 5  # the best counts: a busy machine only ever adds
PAD = 50_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the loader is measured on."""
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--block-size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=100, help="steps of a round")
    parser.add_argument("--tokens", type=int, default=2**25, help="tokens of the store")
    parser.add_argument("--wait", type=Path, metavar="SPEC", help="train SPEC as well, and say how long it waits")


def main(asked: argparse.Namespace) -> None:
    """Print tokens per second of CPU time of a plain memmap, then of the loader in each style."""
    batch_tokens = asked.batch_size * asked.block_size
    with TemporaryDirectory() as name:
        split = make_split(Path(name), asked.tokens, asked.block_size)
        base = batch_tokens / best(partial(read_plainly, split, asked), asked.steps)
        print(f"{ROUNDS} rounds of {asked.steps} steps, {asked.batch_size} × {asked.block_size} tokens each")
        print(f"{'reader':14}{'tokens / CPU s':>16}  {'ms a step':>9}  {'÷ memmap':>8}")
        print(f"{'plain memmap':14}{base:>16,.0f}  {batch_tokens / base * 1e3:>9.2f}  {1:>8.2f}")
        for style in STYLES:
            rows = load_style(style).open_rows(split, asked.block_size, "truncate")
            speed = batch_tokens / best(partial(read_batches, rows, style == "PACKED", asked), asked.steps)
            print(f"{style:14}{speed:>16,.0f}  {batch_tokens / speed * 1e3:>9.2f}  {speed / base:>8.2f}")
    if asked.wait:
        print_wait(asked.wait)


def make_split(folder: Path, tokens: int, block_size: int) -> Split:
    """Write a store of random tokens: examples of 1/8 to all of a row, the first quarter of each not supervised."""
    chance = np.random.default_rng(0)
    with StoreWriter(folder, "<u2") as writer:
        written = 0
        while written < tokens:
            lengths = chance.integers(block_size // 8, block_size + 2, 1000).tolist()
            ids = [chance.integers(0, PAD, length, dtype=np.int32) for length in lengths]
            spans = [[(length // 4, length)] for length in lengths]
            writer.add(joined(ids, lengths, spans), np.zeros(len(lengths), np.bool_))
            written += sum(lengths)
        writer.close()
    meta = finished(folder, "<u2")["train"]
    mapped = {
        kind: np.memmap(folder / f"train.{kind}.bin", dtype, mode="r")
        for kind, dtype in (("tokens", "<u2"), ("offsets", "<u8"), ("supervised", "<u8"))
    }
    return Split(folder, "random", "train", PAD, meta, **mapped)


def best(run: Callable[[], None], steps: int) -> float:
    """CPU seconds of one step, of all threads, in the best of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds) / steps


def read_plainly(split: Split, asked: argparse.Namespace) -> None:
    """Copy random rows of tokens out of the file, and nothing else."""
    chance, width = np.random.default_rng(0), asked.block_size + 1
    rows = np.lib.stride_tricks.sliding_window_view(split.tokens, width)[:: asked.block_size]
    for _ in range(asked.steps):
        rows[chance.integers(0, len(rows), asked.batch_size)].astype(np.int32)


def read_batches(rows: Rows, segmented: bool, asked: argparse.Namespace) -> None:
    """Read batches as a run does."""
    batch = BatchSpec(asked.batch_size, asked.block_size, segmented)
    stage = {"first_step_of_stage": 0, "start_step": 0, "end_step": asked.steps}
    with train_batches([MixtureEntry("random", rows, Fraction(1))], seed=0, batch=batch, **stage) as batches:
        for _ in batches:
            pass


def print_wait(spec: Path) -> None:
    """Run a spec to its end and print which share of their time its steps waited for batches."""
    with TemporaryDirectory() as name:
        run_dir = Path(name) / "run"
        command = [sys.executable, str(ROOT / "tools/lorarun.py"), "exec", str(spec), "--run-dir", str(run_dir)]
        subprocess.run([*command, "--set", "logging/report_interval=1"], check=True, stdout=subprocess.DEVNULL)
        records = map(json.loads, (run_dir / "metrics.jsonl").read_text().splitlines())
        steps = [record for record in records if record["event"] == "train"]
    seconds = sum(step["seconds"] for step in steps)
    waited = sum(step["seconds"] * step["wait_share"] for step in steps)
    middle = median(step["wait_share"] for step in steps)
    waits = f"{waited / seconds:.2%} of {seconds:.1f} s in {len(steps)} steps"
    print(f"{spec.name} waits for batches {waits}; median {middle:.2%}")
