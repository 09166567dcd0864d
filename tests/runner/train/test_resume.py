"""Where a run resumes: at its newest intact checkpoint, at its beginning only once, and never on another course."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import runner.files.seal
import runner.train.resume
from runner.checkpoint.intact import Intact
from runner.checkpoint.restore import restore_tree
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json, write_facts
from runner.train.resume import note_resumed, resume
from tests.runner.three_arrays import (
    abstract_state,
    arrays_file,
    base_of,
    flip,
    manifest_at,
    same,
    state_at,
    two_phases,
)
from tests.runner.workplace import tree


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `run`: checkpoint 2 ends phase full, 3 and 4 are of phase lora."""
    folder = tmp_path_factory.mktemp("finished")
    two_phases(folder / "run")
    return folder


class Trainer:
    """What `resume` reads and replaces, over the state of three arrays."""

    def __init__(self, base: int = 0) -> None:
        self.plan: Any = SimpleNamespace(phases=[SimpleNamespace(name="full", last_step=2)])
        self.spec: Any = SimpleNamespace(spec=None)
        self.mesh: Any = None
        self.state: Any = None
        self.restored: list[int] = []
        self.begun = 0
        self.base = base

    def begin(self, start: Any) -> None:
        self.begun += 1

    def restore(self, checkpoint: Intact) -> None:
        self.state = restore_tree(checkpoint.sealed, abstract_state())
        self.restored.append(checkpoint.manifest.progress.step)


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter phase lora without one, and cut no batch."""

    def transition(trainer: Trainer) -> None:
        trainer.state = SimpleNamespace(base_params=base_of(trainer.base))

    monkeypatch.setattr(runner.train.resume, "transition_to_lora", transition)
    monkeypatch.setattr(runner.train.resume, "pinned_rows", lambda *_: 1)
    monkeypatch.setattr(runner.train.resume, "batch_devices", lambda _: 1)
    monkeypatch.setattr(runner.train.resume, "check_micro_batch", lambda *_: None)


def take(trainer: Any, stores: dict[str, str] | None = None) -> dict[str, str]:
    """Resume the run; return what was not intact, by name."""
    damaged = resume(trainer, Path("run"), stores or {}, None)
    return {folder.name: reason for folder, reason in damaged.items()}


def both_of_phase_lora(run: Path) -> None:
    for step in ("3", "4"):
        flip(arrays_file(run / "checkpoints" / step))


# What is done to the run, the steps that are restored, and what was not intact.
FAULTS: dict[str, tuple[Callable[[Path], object], list[int], list[str]]] = {
    "nothing": (lambda run: None, [4], []),
    "one is damaged": (lambda run: flip(arrays_file(run / "checkpoints/4")), [3], ["4"]),
    "two are damaged": (both_of_phase_lora, [2], ["4", "3"]),
    "the base is lost": (lambda run: shutil.rmtree(run / "base"), [2, 4], ["base"]),
    "the base is damaged": (lambda run: flip(arrays_file(run / "base")), [2, 4], ["base"]),
    "base and newest are damaged": (
        lambda run: (shutil.rmtree(run / "base"), flip(arrays_file(run / "checkpoints/4"))),
        [2, 3],
        ["4", "base"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_resumes_at_what_is_intact(fault: str, here: Path) -> None:
    harm, restored, damaged = FAULTS[fault]
    harm(here / "run")
    trainer = Trainer()
    assert [*take(trainer)] == damaged
    assert (trainer.restored, trainer.begun) == (restored, 0)
    assert same(trainer.state, state_at(restored[-1]))


def test_a_base_that_comes_out_otherwise_is_not_repaired(here: Path) -> None:
    shutil.rmtree(here / "run/base")
    trainer = Trainer(base=1)
    assert [*take(trainer)] == ["4", "3"]
    assert (trainer.restored, (here / "run/base").exists()) == ([2, 2], False)


def test_a_repaired_base_is_not_read_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(here / "run/base")
    hashed: Counter[Path] = Counter()
    digest = runner.files.seal._digest
    monkeypatch.setattr(runner.files.seal, "_digest", lambda path: hashed.update([path]) or digest(path))
    take(Trainer())
    assert set(hashed.values()) == {1}


@pytest.mark.usefixtures("here")
def test_where_none_is_intact_nothing_is_changed() -> None:
    for checkpoint in Path("run/checkpoints").iterdir():
        flip(arrays_file(checkpoint))
    before = tree(Path("run"))
    with pytest.raises(Failure) as refused:
        take(Trainer())
    assert refused.value.exit_code is ExitCode.STORAGE
    assert str(refused.value).startswith(
        "no checkpoint of run is intact, and nothing was changed there (run/checkpoints/4 is no intact checkpoint: "
    )
    assert tree(Path("run")) == before


def test_a_run_whose_checkpoints_are_gone_begins_only_once(here: Path) -> None:
    shutil.rmtree(here / "run/checkpoints")
    shutil.rmtree(here / "run/base")
    with pytest.raises(Failure) as refused:
        take(Trainer())
    assert refused.value.exit_code is ExitCode.STORAGE
    assert str(refused.value) == (
        "the checkpoints of run are gone, and it had come at least to step 2; bring them back, or start a new "
        "run with another --run-dir"
    )


def test_a_run_of_which_nothing_was_saved_begins(here: Path) -> None:
    shutil.rmtree(here / "run/checkpoints")
    noted = read_json(here / "run/run.json")
    del noted["saved"]
    write_facts(here / "run/run.json", noted)
    trainer = Trainer()
    assert take(trainer) == {}
    assert trainer.begun == 1


@pytest.mark.usefixtures("here")
def test_a_failure_that_is_not_the_disks_makes_no_checkpoint_a_damaged_one() -> None:
    class Refusing(Trainer):
        def restore(self, checkpoint: Intact) -> None:
            raise Failure("the spec matches no matrix", ExitCode.INVALID)

    with pytest.raises(Failure, match="matches no matrix"):
        take(Refusing())


def test_records_that_are_lost_are_reported(here: Path) -> None:
    plan: Any = SimpleNamespace(phases=[])
    manifest = replace(manifest_at(4), records_end=10)
    lost = ["run/metrics.jsonl lacks records up to step 4: they are lost"]
    assert [*note_resumed(Path("run"), manifest, plan)] == lost
    (here / "run/metrics.jsonl").write_text('{"event": "train", "step": 4}\n')
    assert [*note_resumed(Path("run"), manifest, plan)] == lost
    assert [*note_resumed(Path("run"), replace(manifest, records_end=30), plan)] == []
