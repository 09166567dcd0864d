"""A save gets its name when it is whole; until then the older checkpoints stay."""

from __future__ import annotations

import errno
import gc
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import runner.checkpoint.save
from runner.checkpoint.base import save_base
from runner.checkpoint.fingerprint import noted_on_host
from runner.checkpoint.intact import newest_intact, verify_base
from runner.checkpoint.save import Checkpoints
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.files.seal import sealed_facts
from schema.budget.retention import Retention
from tests.runner.three_arrays import (
    ALL,
    arrays_file,
    base_of,
    begin_run,
    flip,
    manifest_at,
    save,
    state_at,
)

# Reads that orbax gives up speak from tensorstore's threads, where `runner.files.orbax_noise` silences them in a run.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    """A run directory of which nothing is saved yet."""
    yield begin_run(tmp_path / "run")
    gc.collect()  # what was given up speaks now, and not in another test


def saved(run_dir: Path) -> list[str]:
    return sorted(path.name for path in (run_dir / "checkpoints").iterdir())


def fails(run_dir: Path, step: int, retention: Retention = ALL, **options: Any) -> str:
    """Save a step, which fails as a disk does; return what is said."""
    with pytest.raises(Failure) as failure:
        save(run_dir, [step], retention, **options)
    assert failure.value.exit_code is ExitCode.STORAGE
    return str(failure.value)


def drops_half_of_a_write(patch: pytest.MonkeyPatch) -> None:
    """Let the disk take only half of each array, and say nothing."""
    seals = runner.checkpoint.save.seal

    def lose(folder: Path, facts: Any) -> Any:
        for path in (folder / "state").rglob("d/*"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return seals(folder, facts)

    patch.setattr("runner.checkpoint.save.seal", lose)


def reads_other_numbers(patch: pytest.MonkeyPatch) -> None:
    """Let every array that is read back be another one than was written."""
    patch.setattr(
        "runner.checkpoint.arrays.noted_on_host",
        lambda flat: noted_on_host({name: array + 1 for name, array in flat.items()}),
    )


# Retention and options with which the arrays of step 2 are read back.
READ_BACK: dict[str, tuple[Retention, dict[str, Any]]] = {
    "at the end of a phase": (Retention(1, 0, (2,)), {}),
    "wherever the spec asks for it": (Retention(1, 0, (5,)), {"read_back": True}),
}


@pytest.mark.parametrize("where", READ_BACK)
@pytest.mark.parametrize("disk", [drops_half_of_a_write, reads_other_numbers])
def test_arrays_are_read_back_before_a_checkpoint_has_its_name(
    disk: Any, where: str, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retention, options = READ_BACK[where]
    save(run_dir, [1], retention)
    with monkeypatch.context() as patch:
        disk(patch)
        fails(run_dir, 2, retention, **options)
    assert saved(run_dir) == ["1"]
    save(run_dir, [2], retention, **options)
    assert saved(run_dir) == ["2"]


def test_elsewhere_a_save_reads_no_array_back(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads_other_numbers(monkeypatch)
    save(run_dir, [1], Retention(1, 0, (5,)))
    assert saved(run_dir) == ["1"]


def test_a_save_that_fails_keeps_what_was_there(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(run_dir, [1])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("runner.checkpoint.save.seal", full)
        assert ": the disk is full: the checkpoint takes about 532 bytes, and " in fails(run_dir, 2)
    assert saved(run_dir) == ["1"]
    save(run_dir, [2])
    assert saved(run_dir) == ["1", "2"]


def test_older_checkpoints_are_pruned_when_a_newer_one_is_whole(run_dir: Path) -> None:
    save(run_dir, [1, 2, 3, 4], Retention(1, 0, (2,)))
    assert saved(run_dir) == ["2", "4"]


def test_less_is_kept_before_more_is_written(run_dir: Path) -> None:
    save(run_dir, [1, 2, 3])
    with closing(Checkpoints(run_dir, Retention(1, 0, (2,)))):
        assert saved(run_dir) == ["2", "3"]


def test_the_best_by_validation_outlive_newer_ones(run_dir: Path) -> None:
    with closing(Checkpoints(run_dir, Retention(1, 1, ()))) as checkpoints:
        for step, loss in ((1, 2.0), (2, 1.0), (3, 1.5)):
            checkpoints.save(state_at(step), manifest_at(step))
            checkpoints.score(step, "full", loss)
    assert saved(run_dir) == ["2", "3", "scores.json"]


def test_what_a_process_left_under_a_hidden_name_is_removed(run_dir: Path) -> None:
    save(run_dir, [1])
    for name in ("checkpoints/.partial-2", "checkpoints/.partial-1-old", ".partial-base"):
        (run_dir / name / "state").mkdir(parents=True)
    save(run_dir, [2])
    assert saved(run_dir) == ["1", "2"]
    assert not (run_dir / ".partial-base").exists()


def test_a_run_notes_its_first_save(run_dir: Path) -> None:
    assert "saved" not in read_json(run_dir / "run.json")
    save(run_dir, [3, 4])
    assert read_json(run_dir / "run.json")["saved"] == 3


def test_the_manifest_notes_every_array_that_is_saved(run_dir: Path) -> None:
    save(run_dir, [1])
    noted = sealed_facts(run_dir / "checkpoints/1")["fingerprints"]
    assert {name: text.partition(":")[0] for name, text in noted.items()} == {
        "['weights']": "float32",
        "['moments']": "bfloat16",
        "['step']": "int32",
    }


def test_a_base_is_stored_once(run_dir: Path) -> None:
    first = save_base(run_dir, base_of())
    inode = first.path.stat().st_ino
    again = save_base(run_dir, base_of())
    assert (again.digest, again.path.stat().st_ino) == (first.digest, inode)
    assert verify_base(run_dir).digest == first.digest


@pytest.mark.parametrize("left", ["another", "damaged", "without a manifest"])
def test_a_base_that_is_not_the_same_is_set_aside(left: str, run_dir: Path) -> None:
    save_base(run_dir, base_of(1 if left == "another" else 0))
    if left == "damaged":
        flip(arrays_file(run_dir / "base"))
    if left == "without a manifest":
        (run_dir / "base/manifest.json").unlink()
    sealed = save_base(run_dir, base_of())
    assert verify_base(run_dir).digest == sealed.digest
    assert (run_dir / "damaged/base").is_dir()


def test_a_base_that_reads_back_otherwise_gets_no_name(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads_other_numbers(monkeypatch)
    with pytest.raises(Failure, match="does not hold what was trained"):
        save_base(run_dir, base_of())
    assert [path.name for path in run_dir.iterdir()] == ["run.json"]


def test_a_checkpoint_that_replaces_a_damaged_one_is_intact(run_dir: Path) -> None:
    save(run_dir, [1, 2])
    shutil.rmtree(run_dir / "checkpoints/2/state")
    save(run_dir, [2])
    intact, damaged = newest_intact(run_dir)
    assert intact is not None
    assert (intact.path.name, damaged) == ("2", {})
