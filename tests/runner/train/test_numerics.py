"""A step that is not finite stops the run, or is left out; adapters that learned nothing are no result."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import runner.train.loop
from runner.checkpoint.manifest import read_manifest
from runner.data.tokenizers.byte import END, PAD
from runner.lora.transition import transition_to_lora
from runner.mesh import put_batch
from runner.state import Stream, stream_key
from runner.train.compiled import compile_phase
from tests.runner.tiny_run import make_spec, random_batch, start, steps_of
from tests.runner.workplace import SPEC, fill, lorarun

pytestmark = pytest.mark.slow  # whole runs

RUN = ("exec", "spec.yaml", "--run-dir", "run", "--set", "logging/checkpoint_interval=1")
SKIP = ("--set", "training/on_nonfinite=skip")
BAD = 6  # of 8 steps, the second of phase lora


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of four steps a phase that exports nothing."""
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("[256]", "[512]") + "export: {merged: false, adapter: false}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Multiply the masks of these steps, so that their losses become NaN or nothing."""

    def spoil(factor: float, *steps: int) -> None:
        train = runner.train.loop._train

        def spoiled(run: Any, stage: int, batch: Any) -> Any:
            if batch.step in steps:
                batch.mask[:] *= np.float32(factor)
            return train(run, stage, batch)

        monkeypatch.setattr(runner.train.loop, "_train", spoiled)

    return spoil


def records(event: str) -> list[dict[str, Any]]:
    lines = map(json.loads, Path("run/metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == event]


def test_a_step_that_is_not_finite_stops_the_run_and_names_its_rows(here: Path, spoil: Callable[..., None]) -> None:
    spoil(np.nan, BAD)
    done = lorarun(here, *RUN)
    assert done.exit_code == 76
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith(
        f"lorarun: phase lora, step {BAD}: the loss, its gradient or the update is not finite (rows "
    )
    assert " of tales); earlier checkpoints are kept; lower the learning rate" in sentence
    assert sorted(path.name for path in (here / "run/checkpoints").iterdir()) == ["3", "4", "5"]
    assert lorarun(here, "verify", "run").exit_code == 0
    assert lorarun(here, *RUN).exit_code == 76  # the same rows come again


def training_texts(here: Path) -> list[str]:
    """The records of the file in order but those that the store keeps for validation: row 0 is the first of them."""
    lines = map(json.loads, (here / "tales.jsonl").read_text().splitlines())
    held_out = np.fromfile(here / "stores/tales/val.tokens.bin", "<u2")
    texts = [line["prompt"] + line["completion"] for line in lines]
    return [text for text in texts if text not in text_of(held_out).split("\0")]


def text_of(ids: np.ndarray) -> str:
    """The bytes of token ids, a zero where a document ends, nothing for padding."""
    return bytes(0 if token == END else token for token in ids.tolist() if token != PAD).decode()


@pytest.mark.parametrize(("phase", "step"), [("full", 2), ("lora", BAD)])
def test_the_run_stops_within_one_step_and_names_the_rows_that_its_batch_holds(
    phase: str, step: int, here: Path, spoil: Callable[..., None]
) -> None:
    spoil(np.nan, step)
    read: dict[int, list[str]] = {}
    train = runner.train.loop._train

    def see(run: Any, stage: int, batch: Any) -> Any:
        read[batch.step] = [text_of(row).rstrip("\0") for row in batch.tokens]
        return train(run, stage, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner.train.loop, "_train", see)
        done = lorarun(here, "exec", "spec.yaml", "--run-dir", "run", "--set", "logging/report_interval=4")
    assert done.exit_code == 76
    texts = training_texts(here)
    rows = [texts.index(text) for text in read[step]]
    assert (len(texts), len(set(rows))) == (99, 4)  # a record is held out: numbers of lines would be others
    what = f"phase {phase}, step {step}: the loss, its gradient or the update is not finite"
    assert f"{what} (rows {', '.join(map(str, rows))} of tales);" in done.stderr
    assert max(read) <= step + 1


def test_a_skipped_step_changes_nothing_but_its_number(here: Path, spoil: Callable[..., None]) -> None:
    spoil(np.nan, BAD)
    done = lorarun(here, *RUN, *SKIP)
    assert done.exit_code == 0, done.stderr
    assert [(each["step"], each["phase"]) for each in records("skipped")] == [(BAD, "lora")]
    assert records("train")[BAD - 1]["loss"] is None
    assert read_manifest(here / "run/checkpoints/8").progress.skipped_steps == 1
    assert f"lora  step {BAD}  skipped, for it is not finite: rows " in done.stdout


@pytest.mark.parametrize("phase", ["full", "lora"])
def test_skipping_keeps_weights_and_optimizer_bit_for_bit(phase: str) -> None:
    trainer = start(make_spec(training={"on_nonfinite": "skip"}))
    if phase == "lora":
        transition_to_lora(trainer)
    compiled = compile_phase(trainer.spec.spec, trainer.mesh, trainer.state, 8)
    steps_of(compiled, trainer, 2)
    kept = leaves(trainer.state)
    batch = random_batch(trainer.spec.spec, 7)
    batch["mask"][3, 1] = np.nan
    key = stream_key(0, Stream.DROPOUT_FULL)
    trainer.state, metrics = compiled.train(trainer.state, put_batch(trainer.mesh, batch), 1e-2, key)
    assert not metrics["finite"]
    assert leaves(trainer.state) == kept | {"step": (kept["step"][0] + 1, b"")}
    (last,) = steps_of(compiled, trainer, 1)
    assert last["finite"]
    assert leaves(trainer.state) != kept


def leaves(state: Any) -> dict[str, tuple[int, bytes]]:
    """The step of a state by its number, everything else by its bits."""
    trained = {"params": state.params, "opt_state": state.opt_state}
    bits = {
        jax.tree_util.keystr(path): (0, np.asarray(leaf).tobytes()) for path, leaf in jax.tree.leaves_with_path(trained)
    }
    return bits | {"step": (int(state.step), b"")}


def test_too_many_skipped_steps_stop_the_run_also_over_a_restart(here: Path, spoil: Callable[..., None]) -> None:
    spoil(np.nan, 2, BAD)
    limit = ("--set", "training/max_skipped_steps=1")
    done = lorarun(here, *RUN, *SKIP, *limit)
    assert done.exit_code == 76
    assert f"step {BAD}: " in done.stderr
    assert "1 steps were skipped before it" in done.stderr
    assert read_manifest(here / "run/checkpoints/5").progress.skipped_steps == 1
    assert lorarun(here, *RUN, *SKIP, *limit).exit_code == 76


def test_adapters_that_learned_nothing_are_refused(here: Path, spoil: Callable[..., None]) -> None:
    spoil(0.0, 5, 6, 7, 8)
    done = lorarun(here, *RUN)
    assert done.exit_code == 77
    assert "phase lora taught nothing to blocks/attn/" in done.stderr
    assert not (here / "run/summary.json").exists()


def test_a_run_reads_to_its_end_a_store_that_is_removed_meanwhile(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lorarun(here, "exec", "spec.yaml", "--run-dir", "whole").exit_code == 0
    train = runner.train.loop._train

    def lose(run: Any, stage: int, batch: Any) -> Any:
        if batch.step == 3:
            shutil.rmtree(here / "stores")
        return train(run, stage, batch)

    with monkeypatch.context() as patch:
        patch.setattr(runner.train.loop, "_train", lose)
        done = lorarun(here, *RUN)
    assert (done.exit_code, (here / "stores").exists()) == (0, False), done.stderr  # it was mapped before it was gone
    ends = [json.loads((here / run / "summary.json").read_text()) for run in ("whole", "run")]
    assert ends[0] == ends[1]
    (here / "run/summary.json").unlink()
    assert lorarun(here, *RUN).exit_code == 0  # the store is made again, and is the same
    assert json.loads((here / "run/summary.json").read_text()) == ends[0]
