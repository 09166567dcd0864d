"""After a fault of the disk a run goes on from what is intact and ends as it would have, or refuses."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
import pytest

from runner.checkpoint.manifest import newest_intact, read_manifest
from runner.checkpoint.save import Checkpoints
from runner.files.seal import seal
from tests.runner.workplace import finish_run, lorarun, tree

RUN = ("exec", "spec.yaml", "--run-dir", "run", "--set", "logging/checkpoint_interval=1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`: phase full ends at step 2, phase lora at 4; a checkpoint each step."""
    folder = tmp_path_factory.mktemp("finished")
    finish_run(folder, "logging/checkpoint_interval=1")
    return folder


@pytest.fixture
def here(here: Path) -> Path:
    """A copy of that folder as it was before the run said that it is done."""
    (here / "run/summary.json").unlink()
    return here


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def arrays(folder: Path) -> Path:
    """The largest file of arrays in a checkpoint."""
    return max((folder / "state/ocdbt.process_0/d").iterdir(), key=lambda path: path.stat().st_size)


def cut_short_before_it_was_sealed(folder: Path) -> None:
    """What a disk leaves that took only half of a write and said nothing."""
    manifest = read_manifest(folder)
    for path in (folder / "state/d").iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seal(folder, asdict(manifest))


def all_of_phase_lora(run: Path) -> None:
    for step in ("3", "4"):
        flip(arrays(run / "checkpoints" / step))


# What is done to the run, the step that it goes on after, and what is set aside.
FAULTS: dict[str, tuple[Callable[[Path], object], int, list[str]]] = {
    "a flipped byte": (lambda run: flip(arrays(run / "checkpoints/4")), 3, ["4"]),
    "a flipped byte of the marker": (lambda run: flip(run / "checkpoints/4/manifest.json"), 3, ["4"]),
    "no marker": (lambda run: (run / "checkpoints/4/manifest.json").unlink(), 3, ["4"]),
    "a missing file": (lambda run: arrays(run / "checkpoints/4").unlink(), 3, ["4"]),
    "a short write": (lambda run: cut_short_before_it_was_sealed(run / "checkpoints/4"), 3, ["4"]),
    "two of them": (all_of_phase_lora, 2, ["3", "4"]),
    "a lost base": (lambda run: shutil.rmtree(run / "base"), 4, []),
    "a damaged base": (lambda run: flip(arrays(run / "base")), 4, ["base"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_goes_on_from_what_is_intact(fault: str, here: Path, finished: Path) -> None:
    harm, step, aside = FAULTS[fault]
    harm(here / "run")
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert f"resuming run after step {step} of 4" in done.stdout
    assert json.loads((here / "run/summary.json").read_text()) == json.loads(
        (finished / "run/summary.json").read_text()
    )
    kept = sorted(path.name for path in (here / "run").glob("damaged/*"))
    assert kept == aside
    for name in aside:
        if name != "base":
            assert f"checkpoints/{name} is no intact checkpoint: " in done.stdout or "cannot read" in done.stdout
            assert f"it is now run/damaged/{name}" in done.stdout


def test_a_flipped_byte_shows_wherever_it_is(here: Path) -> None:
    checkpoint, passed_over = here / "run/checkpoints/4", 0
    files = [path for part in (checkpoint, here / "run/base") for path in part.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        for place in {0, len(content) // 2, len(content) - 1} if content else ():
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            intact, damaged = newest_intact(here / "run")
            assert intact == here / "run/checkpoints" / ("3" if checkpoint in path.parents else "2"), path
            assert checkpoint in damaged
            passed_over += 1
        path.write_bytes(content)
    assert passed_over > 60
    assert newest_intact(here / "run") == (checkpoint, {})


def test_where_none_is_intact_nothing_is_changed(here: Path) -> None:
    for checkpoint in (here / "run/checkpoints").iterdir():
        flip(arrays(checkpoint))
    before = tree(here / "run")
    done = lorarun(here, *RUN)
    assert done.exit_code == 74
    assert tree(here / "run") == before
    assert done.stderr.startswith(
        "lorarun: no checkpoint of run is intact, and nothing was changed there (run/checkpoints/4"
    )
    assert done.stderr.count("have changed") == 3


def test_a_device_that_is_full_makes_no_checkpoint_a_damaged_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(ocp.PyTreeCheckpointer, "restore", full)
        done = lorarun(here, *RUN)
    assert (done.exit_code, "Out of memory" in done.stderr) == (1, True)
    assert not (here / "run/damaged").exists()
    assert lorarun(here, *RUN).exit_code == 0


def test_a_run_does_not_end_well_before_its_last_checkpoint_was_read_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here / "run/checkpoints/4")
    wait = Checkpoints.wait

    def lose(self: Checkpoints) -> None:
        wait(self)
        if (last := here / "run/checkpoints/4").exists() and not (here / "lost").exists():
            flip(arrays(last))
            (here / "lost").touch()

    monkeypatch.setattr(Checkpoints, "wait", lose)
    done = lorarun(here, *RUN)
    assert (done.exit_code, "checkpoints/4 is no intact checkpoint: the bytes of" in done.stderr) == (74, True)
    assert not (here / "run/summary.json").exists()
    assert lorarun(here, *RUN).exit_code == 0


def test_a_save_that_fails_behind_the_training_ends_the_run_and_keeps_what_was_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here / "run/checkpoints/4")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("runner.checkpoint.save.seal", full)
        done = lorarun(here, *RUN)
    assert done.exit_code == 74
    assert "the disk is full: the checkpoint takes about " in done.stderr
    assert sorted(path.name for path in (here / "run/checkpoints").iterdir()) == ["2", "3"]
    assert lorarun(here, *RUN).exit_code == 0


def test_verify_and_runs_tell_what_is_intact(here: Path) -> None:
    assert lorarun(here, "verify", "run").exit_code == 0
    flip(arrays(here / "run/checkpoints/3"))
    flip(arrays(here / "run/base"))
    done = lorarun(here, "verify", "run")
    assert (done.exit_code, done.changed) == (74, set())
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert {name for name, text in lines.items() if text.startswith("damaged: the bytes of ")} == {
        "checkpoints/3",
        "base",
    }
    assert lines["checkpoints/2"].startswith("intact: phase full, step 2, ")
    assert lines["metrics.jsonl"].startswith("intact: ")
    assert done.stderr == "lorarun: 2 of the parts of run are damaged\n"
    listed = lorarun(here, "runs", ".")
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["run", "state", "phase", "step", "checkpoints"],
        ["run", "stopped", "lora", "4/4", "2", "3", "4"],
    ]
    flip(here / "run/checkpoints/4/manifest.json")
    (found,) = json.loads(lorarun(here, "runs", "run", "--format", "json").stdout)
    assert (found["state"], found["checkpoints"]) == ("damaged", [2, 3, 4])
    assert lorarun(here, "runs", "nowhere").exit_code == 2
    assert lorarun(here, "verify", "stores").exit_code == 2
    assert lorarun(here, "runs", "stores").stdout == "stores holds no runs\n"
