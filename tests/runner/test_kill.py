"""A run killed with SIGKILL at ten moments ends as an uninterrupted one, bitwise."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.runner.interrupted_run import Moment, finish, interrupt_when, preparing, reached, records, summary

SPEC = """
architecture: {n_layers: 2, n_embd: 32, n_head: 2, block_size: 32, vocab_size: 320, dropout: 0.1}
data:
  root: data
  sources:
    tales: {path: tales.jsonl}
    notes: {path: notes}
training:
  batch_size: 4
  validation_steps: 8
  pre_lora_tokens: [1024, 1024]
  pre_lora_dataset:
    - [{name: notes, rate: 1.0, style: PMD}]
    - [{name: notes, rate: 0.7, style: PMD}, {name: tales, rate: 0.3, style: PADDED}]
  post_lora_tokens: [1280]
  post_lora_dataset: [[{name: tales, rate: 1.0, style: PADDED}]]
optimization: {lr: 0.003, lora: {rank: 2, target_modules: [attn, mlp], dropout: 0.1}}
logging: {report_interval: 1, checkpoint_interval: 3, validation_interval: 5}
"""
BOUNDARY, LAST = 16, 26


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with a spec and two small datasets; preparing `notes` takes long enough to be interrupted."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    with (tmp_path / "tales.jsonl").open("w") as file:
        for number in range(400):
            record = {"prompt": f"tale {number}: ", "completion": f"{number * 7919 % 1000} times round the lake"}
            file.write(json.dumps(record) + "\n")
    (tmp_path / "notes").mkdir()
    for number in range(1500):
        (tmp_path / "notes" / f"{number:04}.txt").write_text(f"note {number}: " + "a quick brown fox " * (number % 17))
    return tmp_path


def saving(first: int) -> Moment:
    """A checkpoint of this step or later is being written."""

    def moment(_: Path, run: Path) -> bool:
        folder = run / "checkpoints"
        partial = [entry.name for entry in folder.iterdir() if "tmp" in entry.name] if folder.exists() else []
        return any(int(name.split(".")[0]) >= first for name in partial)

    return moment


MOMENTS: dict[str, Moment] = {
    "preparation": preparing,
    "before the first step": lambda _, run: (run / "metrics.jsonl").exists(),
    "a step of phase full": reached(2),
    "a save of phase full": saving(3),
    "a later step of phase full": reached(11),
    "the boundary checkpoint": lambda _, run: (run / "checkpoints" / str(BOUNDARY)).exists(),
    "the frozen base": lambda _, run: any(run.glob("base*")),
    "a step of phase lora": reached(BOUNDARY + 2),
    "a save of phase lora": saving(BOUNDARY + 3),
    "the last step": reached(LAST),
}


def test_a_run_killed_at_ten_moments_ends_as_an_uninterrupted_one(workplace: Path) -> None:
    for moment in MOMENTS.values():
        interrupt_when(workplace, "killed", moment, signal.SIGKILL)
    finish(workplace, "killed")
    finish(workplace, "whole")
    assert summary(workplace / "killed") == summary(
        workplace / "whole"
    )  # with the digests of base, adapters and tokens, and the ledger
    assert records(workplace / "killed") == records(workplace / "whole")  # losses and token digests of every step
    assert not list((workplace / "data").glob(".*"))
