"""When a run saves, what a checkpoint says and holds, and what is seen of a run from outside while it runs."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runner.train.loop
import runner.train.session
from runner.checkpoint.intact import verify
from runner.checkpoint.manifest import Manifest, read_manifest
from runner.checkpoint.progress import Progress
from runner.checkpoint.save import Checkpoints
from runner.data.ledger import Ledger, RunLedger
from runner.report.planned_ledger import DatasetLedger
from runner.run.identity import spec_digest
from runner.run.lock import locked
from runner.run.versions import computed_by
from schema.lint import load_spec
from tests.runner.interrupted_run import records, summary
from tests.runner.workplace import EVERY_STEP, NO_EXPORT, SPEC, Outcome, fill, lorarun

NEVER = ("logging/checkpoint_interval=never", "checkpoint/keep=9")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec without exports, and its data."""
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC + "export: {merged: false, adapter: false}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], object]], None]:
    """Do something whenever a step has been taken."""

    def at_step(act: Callable[[int], object]) -> None:
        train = runner.train.loop._train

        def trained(run: Any, stage: int, batch: Any) -> Any:
            metrics = train(run, stage, batch)
            act(batch.step)
            return metrics

        monkeypatch.setattr(runner.train.loop, "_train", trained)

    return at_step


def execute(here: Path, *settings: str) -> Outcome:
    return lorarun(here, "exec", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in settings))


def saved(here: Path) -> list[int]:
    return sorted(int(path.name) for path in (here / "run/checkpoints").iterdir() if path.name.isdigit())


def test_a_run_saves_when_minutes_have_passed_and_not_before(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    wait = Checkpoints.check

    def later(self: Checkpoints) -> None:  # asked before each decision: after a step, and after its validation
        now[0] += 30
        wait(self)

    monkeypatch.setattr(runner.train.session.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Checkpoints, "check", later)
    done = execute(here, *NEVER, "training/pre_lora_tokens=[1024]", "checkpoint/every_minutes=1.5")
    assert done.exit_code == 0, done.stderr
    # 90 s are 3 of these: after 3 steps; again 3 steps after that; the phases end at 8 and 10.
    assert saved(here) == [3, 6, 8, 10]


def test_a_run_saves_at_each_step_when_each_takes_longer_than_asked(here: Path) -> None:
    assert execute(here, *NEVER, "checkpoint/every_minutes=0.0000001").exit_code == 0
    assert saved(here) == [1, 2, 3, 4]


def test_a_write_that_fails_behind_the_training_ends_it_at_the_next_step(
    here: Path, monkeypatch: pytest.MonkeyPatch, at_step: Callable[..., None]
) -> None:
    steps: list[int] = []
    seal = runner.checkpoint.save.seal

    def full(folder: Path, facts: dict[str, Any]) -> Any:
        if facts["progress"]["step"] == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return seal(folder, facts)

    def wait_for_the_write(step: int) -> None:
        steps.append(step)
        time.sleep(0.5 if step == 3 else 0)  # step 2 is written during step 3

    monkeypatch.setattr("runner.checkpoint.save.seal", full)
    at_step(wait_for_the_write)
    done = execute(here, "training/pre_lora_tokens=[1024]", "logging/checkpoint_interval=2")
    assert (done.exit_code, "the disk is full" in done.stderr) == (74, True), done.stderr
    assert (steps, saved(here)) == ([1, 2, 3], [])
    assert records(here / "run")[-1]["step"] == 3


def test_a_checkpoint_says_what_the_summary_of_its_run_says(
    saved_each_step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(saved_each_step)
    ends, spec = summary(Path("run")), load_spec("spec.yaml", EVERY_STEP)
    train = {each["step"]: each for each in records(Path("run")) if each["event"] == "train"}
    lines = Path("run/metrics.jsonl").read_bytes().splitlines(keepends=True)
    last, boundary = read_manifest(Path("run/checkpoints/4")), read_manifest(Path("run/checkpoints/2"))
    assert last == Manifest(
        progress=Progress(
            phase="lora",
            stage=1,
            step=ends["steps"],
            ledger=RunLedger(
                {f"{line['phase']}/{line['stage']}": {"tales": Ledger(**line["counted"])} for line in ends["ledger"]},
                ends["token_digest"],
            ),
            stores={"tales": json.loads(Path("stores/tales/meta.json").read_text())["digest"]},
            skipped_steps=0,
            base_digest=ends["base_digest"],
        ),
        spec_digest=spec_digest(spec),
        plan_digest=ends["plan_digest"],
        micro_batch_rows=spec.training.per_device_batch_size,
        batch_devices=1,
        versions=computed_by(),
        records_end=sum(map(len, lines[:-1])),  # without the validation that follows it
        run_id=json.loads(Path("run/run.json").read_text())["run_id"],
    )
    assert last.plan_digest == json.loads(Path("run/plan.json").read_text())["digest"]
    assert (boundary.progress.phase, boundary.progress.step, boundary.progress.base_digest) == ("full", 2, None)
    assert boundary.progress.ledger.token_digest == train[2]["token_digest"]
    assert boundary.progress.ledger.counts["tales"].rows == 8


def test_a_run_that_takes_other_rows_than_planned_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = DatasetLedger.taken
    monkeypatch.setattr(DatasetLedger, "taken", lambda own, *asked: taken(own, *asked) + Ledger(tokens_seen=1))
    done = execute(here, *NO_EXPORT, "training/validation=false")
    (line, _) = ends = summary(here / "run")["ledger"]
    tokens = line["counted"]["tokens_seen"]
    assert done.exit_code == 1
    assert f"counted is not planned: phase full, stage 1, tales: {tokens + 1} tokens planned and {tokens} counted" in (
        done.stdout
    )
    assert "run has not taken what was planned; this is a mistake of lorarun, and none of yours" in done.stderr
    assert [each["phase"] for each in ends] == ["full", "lora"]


def test_a_checkpoint_of_phase_lora_holds_adapters_and_nothing_of_the_base(saved_each_step: Path) -> None:
    full, lora = (verify(saved_each_step / f"run/checkpoints/{step}").sealed for step in (2, 4))
    assert any("embedding" in name for name in full.facts["fingerprints"])
    assert not [name for name in lora.facts["fingerprints"] if "embedding" in name]
    parts = ("lora_A", "lora_B", "opt_state", "step")
    assert {part for name in lora.facts["fingerprints"] for part in parts if part in name} == {*parts}
    assert lora.bytes < full.bytes / 2


def test_a_run_is_running_while_it_runs_and_finished_afterwards(here: Path, at_step: Callable[..., None]) -> None:
    told: dict[int, str] = {}
    at_step(lambda step: told.update({step: state(here)}))
    assert execute(here).exit_code == 0
    assert told == dict.fromkeys(range(1, 5), "running")
    assert state(here) == "finished"
    with locked(here / "run"):
        assert state(here) == "running"
    assert state(here) == "finished"


def state(here: Path) -> str:
    (found,) = json.loads(lorarun(here, "runs", "run", "--format", "json").stdout)["runs"]
    return found["state"]


def test_a_loss_that_jumps_is_reported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_record = runner.train.loop.train_record

    def jump(*arguments: Any) -> dict[str, Any]:
        record = train_record(*arguments)
        return record | {"loss": {1: 5.0}.get(record["step"] // 10, 2.0)}

    monkeypatch.setattr("runner.train.loop.train_record", jump)
    done = execute(here, "training/pre_lora_tokens=[1152]")  # 9 steps, and 2 of phase lora
    assert done.exit_code == 0, done.stderr
    assert "step 10: the loss is far above 2.0000, the median of the last reports\n" in done.stdout
    assert done.stdout.count("far above") == 2
