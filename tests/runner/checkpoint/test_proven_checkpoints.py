"""A checkpoint gets its name when its arrays read back as they were trained; until then the older ones stay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runner.checkpoint.save
from runner.checkpoint.fingerprint import noted_on_host
from runner.checkpoint.manifest import read_manifest
from runner.checkpoint.save import Checkpoints
from runner.files.digested_json import read_json, write_facts
from runner.files.seal import seal, sealed_facts
from tests.runner.workplace import finish_run, lorarun, tree

RUN = ("exec", "spec.yaml", "--run-dir", "run", "--set", "logging/checkpoint_interval=1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`: phase full ends at step 2, phase lora at 4; a checkpoint each step."""
    folder = tmp_path_factory.mktemp("finished")
    finish_run(folder, "logging/checkpoint_interval=1")
    return folder


def summary(run: Path) -> dict[str, Any]:
    return json.loads((run / "summary.json").read_text())


def checkpoints(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def cut_short(folder: Path) -> None:
    """What a disk leaves that took only half of each write and said nothing."""
    for path in (folder / "state").rglob("d/*"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("keep", [1, 3])
def test_a_disk_that_drops_half_of_a_save_costs_no_older_checkpoint(
    keep: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here / "run")
    seals = runner.checkpoint.save.seal

    def lose(folder: Path, facts: dict[str, Any]) -> None:
        if facts["progress"]["step"] == 2:
            cut_short(folder)
        seals(folder, facts)

    with monkeypatch.context() as patch:
        patch.setattr("runner.checkpoint.save.seal", lose)
        done = lorarun(here, *RUN, "--set", f"checkpoint/keep={keep}")
    assert (done.exit_code, checkpoints(here / "run")) == (74, ["1"])
    assert "Traceback" not in done.stderr
    assert lorarun(here, *RUN, "--set", f"checkpoint/keep={keep}").exit_code == 0


def test_a_disk_that_writes_other_numbers_is_found_out_before_the_checkpoint_has_its_name(
    here: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(here / "run")
    noted = noted_on_host

    def other(flat: dict[str, Any]) -> dict[str, str]:
        return noted({name: array + 1 if "embedding" in name else array for name, array in flat.items()})

    with monkeypatch.context() as patch:
        patch.setattr("runner.checkpoint.arrays.noted_on_host", other)
        done = lorarun(here, *RUN)
    assert (done.exit_code, checkpoints(here / "run")) == (74, [])
    assert "does not hold what was trained" in done.stderr
    assert lorarun(here, *RUN).exit_code == 0
    assert summary(here / "run") == summary(finished / "run")


def test_arrays_that_are_not_those_of_the_manifest_are_passed_over(here: Path, finished: Path) -> None:
    (here / "run/summary.json").unlink()
    last = here / "run/checkpoints/4"
    facts = sealed_facts(last)
    shutil.rmtree(last / "state")
    shutil.copytree(here / "run/checkpoints/3/state", last / "state")
    seal(last, {name: value for name, value in facts.items() if name != "files"})
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "checkpoints/4 does not hold what was trained" in done.stdout
    assert "it is now run/damaged/4" in done.stdout
    assert summary(here / "run") == summary(finished / "run")


def gone(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")


def gone_before_the_end(run: Path) -> None:
    gone(run)
    (run / "summary.json").unlink()


def gone_in_phase_full(run: Path) -> None:
    gone_before_the_end(run)
    shutil.rmtree(run / "base")


def gone_with_all_else(run: Path) -> None:
    gone_in_phase_full(run)
    shutil.rmtree(run / "export")
    for name in ("metrics.jsonl", "plan.json"):
        (run / name).unlink()


@pytest.mark.parametrize(
    ("lose", "step"), [(gone, 4), (gone_before_the_end, 4), (gone_in_phase_full, 4), (gone_with_all_else, 1)]
)
def test_a_run_whose_checkpoints_are_gone_does_not_begin_anew(
    lose: Callable[[Path], None], step: int, here: Path
) -> None:
    lose(here / "run")
    before = tree(here / "run")
    done = lorarun(here, *RUN)
    assert (done.exit_code, tree(here / "run") == before) == (74, True)
    assert done.stderr == (
        f"lorarun: the checkpoints of run are gone, and it had come at least to step {step}; bring them back, or start "
        "anew with another --run-dir\n"
    )


def as_an_older_version_wrote_it(run: Path) -> None:
    """A run of which nothing tells the identity, nor that it has saved, nor what its records were."""
    noted = read_json(run / "run.json")
    write_facts(run / "run.json", {name: value for name, value in noted.items() if name not in ("run_id", "saved")})
    for checkpoint in (run / "checkpoints").iterdir():
        facts = sealed_facts(checkpoint)
        seal(checkpoint, {name: facts[name] for name in facts if name not in ("files", "run_id", "records")})


def test_a_run_of_an_older_version_goes_on_and_begins_only_once(here: Path, finished: Path) -> None:
    as_an_older_version_wrote_it(here / "run")
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert summary(here / "run") == summary(finished / "run")
    as_an_older_version_wrote_it(here / "run")
    gone_in_phase_full(here / "run")
    assert lorarun(here, *RUN).exit_code == 74  # its plan and records tell


def test_a_run_that_goes_on_notes_that_it_has_saved(here: Path) -> None:
    as_an_older_version_wrote_it(here / "run")
    (here / "run/summary.json").unlink()
    assert lorarun(here, *RUN).exit_code == 0
    gone_with_all_else(here / "run")
    assert lorarun(here, *RUN).exit_code == 74


def test_a_finished_run_that_lost_its_end_makes_it_again(here: Path, finished: Path) -> None:
    shutil.rmtree(here / "run/checkpoints/4")
    done = lorarun(here, *RUN)
    assert (done.exit_code, "resuming run after step 3 of 4" in done.stdout) == (0, True)
    assert summary(here / "run") == summary(finished / "run")
    assert "4" in checkpoints(here / "run")


def test_a_base_that_is_damaged_while_the_run_trains_is_no_good_end(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "run/summary.json").unlink()
    shutil.rmtree(here / "run/checkpoints/4")
    wait = Checkpoints.wait

    def lose(self: Checkpoints) -> None:
        wait(self)
        path = max((here / "run/base/state").rglob("d/*"), key=lambda path: path.stat().st_size)
        path.write_bytes(path.read_bytes()[:-1] + b"?")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "wait", lose)
        done = lorarun(here, *RUN)
    assert (done.exit_code, "run/base is not intact: the bytes of" in done.stderr) == (74, True)
    assert not (here / "run/summary.json").exists()
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "run/base is not intact" in done.stdout
    assert "it was made again from the end of phase full" in done.stdout


def test_less_is_kept_before_more_is_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()
    saved: list[list[str]] = []
    save = Checkpoints.save

    def note(self: Checkpoints, *arguments: Any) -> None:
        saved.append(checkpoints(here / "run"))
        save(self, *arguments)

    monkeypatch.setattr(Checkpoints, "save", note)
    assert lorarun(here, *RUN, "--set", "checkpoint/keep=1").exit_code == 0
    assert saved == [["2", "3"]]  # step 2 is the end of phase full


def test_the_manifest_notes_every_array_that_is_saved(here: Path) -> None:
    noted = sealed_facts(here / "run/checkpoints/4")["fingerprints"]
    assert read_manifest(here / "run/checkpoints/4").progress.phase == "lora"
    assert not [name for name in noted if "embedding" in name]  # the base is stored once, elsewhere
    assert {text.partition(":")[0] for text in noted.values()} == {"float32", "int32"}
    assert {part for name in noted for part in ("lora_A", "lora_B", "opt_state", "step") if part in name} == {
        *("lora_A", "lora_B", "opt_state", "step")
    }
