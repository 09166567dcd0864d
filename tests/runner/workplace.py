"""A working directory with a small valid spec and its data, and a way to say what a command did to it."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import main
from runner.process.preemption import SIGNALS, UNLESS_TAKEN

# One shape for all tests that run it, so that its programs are compiled once: micro-batches of 2 of 4 rows.
SPEC = """\
architecture: {n_layers: 1, n_embd: 16, n_head: 2, block_size: 32, vocab_size: 320, dtype: {activation: float32}}
data:
  root: stores
  sources: {tales: {path: tales.jsonl}}
training:
  batch_size: 4
  per_device_batch_size: 2
  validation_steps: 8
  pre_lora_tokens: [256] # lorarun: ignore[phase-too-short]
  pre_lora_dataset: [[{name: tales, rate: 1.0, style: PADDED}]]
  post_lora_tokens: [256] # lorarun: ignore[phase-too-short]
  post_lora_dataset: [[{name: tales, rate: 1.0, style: PADDED}]]
optimization: {lr: 0.003, lora: {rank: 2, target_modules: all-linear}}
logging: {report_interval: 1}
tokenizer: {backend: byte}
"""
NO_EXPORT = ("export/merged=false", "export/adapter=false")  # for tests of what comes before; half of a run's time
EVERY_STEP = ("logging/checkpoint_interval=1", *NO_EXPORT)  # a checkpoint each step
RUN_EVERY_STEP = ("exec", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in EVERY_STEP))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code and output of a command, and what it changed: paths that appeared, vanished or differ."""

    exit_code: int
    stdout: str
    stderr: str
    changed: set[str]


def fill(folder: Path) -> None:
    """Write the spec and its data."""
    (folder / "spec.yaml").write_text(SPEC)
    records = [{"prompt": f"tale {n}: ", "completion": f"{n * 7919 % 1000} times round"} for n in range(100)]
    (folder / "tales.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def lorarun(folder: Path, *arguments: str) -> Outcome:
    """Run a command in the working directory `folder`, which the caller has changed to."""
    before, handlers = tree(folder), {number: signal.getsignal(number) for number in (*SIGNALS, *UNLESS_TAKEN)}
    result = CliRunner().invoke(main, arguments)
    after = tree(folder)
    for number, handler in handlers.items():  # a process that ends leaves them ignored, and so would its children
        signal.signal(number, handler)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return Outcome(result.exit_code, result.stdout, result.stderr, changed)


def finish_run(folder: Path, *settings: str) -> Outcome:
    """Fill a folder, and finish a run in its `run`: phase full ends at step 2, phase lora at 4."""
    fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = lorarun(folder, "exec", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in settings))
    assert done.exit_code == 0, done.stderr
    return done


def located(output: str) -> tuple[str, str]:
    """The one error with a place in what a command printed, and its remedy; a run so small has warnings too."""
    lines = output.splitlines()
    (first,) = [number for number, line in enumerate(lines) if ": error[" in line]
    remedy = next(line for line in lines[first:] if "= help: " in line)
    return lines[first], remedy.strip().removeprefix("= help: ")


def tree(folder: Path) -> dict[str, bytes]:
    """Every path below a folder: the bytes of a file, a word for a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }
