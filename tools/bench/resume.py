#!/usr/bin/env python3
"""Time a resume, from the start of the process to its first new step, early and late in one run.

    python tools/bench/resume.py                    9 rounds, at step 10 and at step 1,000,000
    python tools/bench/resume.py --rounds 3 --late 100000

A tiny run whose plan is longer than the later step is begun and stopped at step 10. Its checkpoint, numbered anew, is
the late one, with a metrics file as long as such a run has. Rounds go in turns, each on a fresh copy; medians, and the
ratio late to early, which is 1 when nothing is replayed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
EARLY = 10
SPEC = """
architecture: {{n_layers: 2, n_embd: 32, n_head: 2, block_size: 32, vocab_size: 320}}
data: {{root: stores, sources: {{notes: {{path: notes.txt}}}}}}
training:
  batch_size: 4
  validation: false
  pre_lora_tokens: [{tokens}]
  pre_lora_dataset: [[{{name: notes, rate: 1.0, style: PMD}}]]
  post_lora_tokens: [{lora}]
  post_lora_dataset: [[{{name: notes, rate: 1.0, style: PMD}}]]
optimization: {{lora: {{rank: 4, target_modules: [attn]}}}}
tokenizer: {{backend: byte}}
logging: {{report_interval: 1, checkpoint_interval: {early}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--late", type=int, default=1_000_000, help="the later step")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, arguments.late)
        seconds: dict[int, list[float]] = {EARLY: [], arguments.late: []}
        for _ in range(arguments.rounds):
            for step, times in seconds.items():
                times.append(resume(folder, step))
    print(f"{arguments.rounds} rounds in turns")
    for step, times in seconds.items():
        print(f"after step {step:>9,}: median {median(times):.2f} s, best {min(times):.2f} s")
    print(f"late / early: {median(seconds[arguments.late]) / median(seconds[EARLY]):.3f}")


def prepare(folder: Path, late: int) -> None:
    """Leave the run directories `at-10` and `at-LATE`, and everything compiled."""
    from runner.files.atomic import write_atomically
    from runner.files.seal import seal, sealed_facts

    (folder / "notes.txt").write_text("the quick brown fox jumps over the lazy dog. " * 2_000)
    (folder / "spec.yaml").write_text(SPEC.format(tokens=(late + 1_000) * 128, lora=late * 8, early=EARLY))
    run_until(folder, "begun", lambda run: (run / "checkpoints" / str(EARLY)).exists())
    for checkpoint in (folder / "begun/checkpoints").iterdir():
        if checkpoint.name != str(EARLY):
            shutil.rmtree(checkpoint)
    for step in (EARLY, late):
        run = folder / f"at-{step}"
        shutil.copytree(folder / "begun", run)
        checkpoint = (run / "checkpoints" / str(EARLY)).rename(run / "checkpoints" / str(step))
        (line,) = [text for text in (run / "metrics.jsonl").read_text().splitlines() if '"step": 1,' in text][:1]
        record = json.loads(line)
        lines = (json.dumps(record | {"step": number}) for number in range(1, step + 1))
        write_atomically(run / "metrics.jsonl", "\n".join(lines) + "\n")
        facts = sealed_facts(checkpoint)
        facts.pop("files")
        records_end = (run / "metrics.jsonl").stat().st_size
        seal(checkpoint, facts | {"progress": facts["progress"] | {"step": step}, "records_end": records_end})
    for step in (EARLY, late):
        resume(folder, step)  # once, so that files are in memory and programs in the cache for both


def resume(folder: Path, step: int) -> float:
    """Return the seconds from the start of a process that goes on after a step to its first new record."""
    run = f"round-{step}"
    shutil.copytree(folder / f"at-{step}", folder / run)
    whole = (folder / run / "metrics.jsonl").stat().st_size
    started = time.perf_counter()
    ended = run_until(folder, run, lambda run: (run / "metrics.jsonl").stat().st_size > whole)
    shutil.rmtree(folder / run)
    return ended - started


def run_until(folder: Path, run: str, reached) -> float:  # type: ignore[no-untyped-def]
    """Run `exec` until something is reached, and kill it; return when that was."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    command = [sys.executable, "-m", "runner.cli", "exec", "spec.yaml", "--run-dir", run]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while not ((folder / run / "metrics.jsonl").exists() and reached(folder / run)):
            if process.poll() is not None:
                assert process.stderr is not None
                raise SystemExit(f"the run ended before: {process.stderr.read().decode()}")
            time.sleep(0.002)
        now = time.perf_counter()
        process.send_signal(signal.SIGKILL)
    return now


if __name__ == "__main__":
    main()
