"""What lies among the checkpoints of a run and is none of its own is passed over, and neither harms nor stops it."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.checkpoint.manifest import newest_intact
from tests.runner.workplace import RUN_EVERY_STEP as RUN
from tests.runner.workplace import lorarun, tree


@pytest.fixture(scope="module")
def finished(saved_each_step: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`, and one of another seed in `other`; each has checkpoints 2, 3 and 4."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(saved_each_step, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert lorarun(folder, *RUN[:3], "other", *RUN[4:], "--set", "training/seed=1").exit_code == 0
    return folder


@pytest.fixture
def here(here: Path) -> Path:
    """A copy of that folder as the run was before it said that it is done."""
    (here / "run/summary.json").unlink()
    return here


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run/summary.json").read_text())


def replace(one: Path, other: Path) -> None:
    shutil.rmtree(other)
    shutil.copytree(one, other)


def another_run(here: Path) -> None:
    replace(here / "other/base", here / "run/base")
    for step in (2, 3, 4):
        replace(here / f"other/checkpoints/{step}", here / f"run/checkpoints/{step}")


# What is done, what is set aside then, and why.
FOREIGN: dict[str, tuple[Callable[[Path], object], list[str], str]] = {
    "a copy under a later step": (
        lambda here: shutil.copytree(here / "run/checkpoints/2", here / "run/checkpoints/99"),
        ["99"],
        "it is a copy of that of step 2",
    ),
    "a copy in the place of one": (
        lambda here: replace(here / "run/checkpoints/3", here / "run/checkpoints/4"),
        ["4"],
        "it is a copy of that of step 3",
    ),
    "one of another run": (
        lambda here: replace(here / "other/checkpoints/4", here / "run/checkpoints/4"),
        ["4"],
        "it is one of another run",
    ),
    "a file": (
        lambda here: (here / "run/checkpoints/99").write_text("a note"),
        ["99"],
        "manifest.json cannot be read: Not a directory",
    ),
    "a link that leads nowhere": (
        lambda here: (here / "run/checkpoints/99").symlink_to("/nowhere"),
        ["99"],
        "it is missing",
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_checkpoint_that_is_none_of_the_run_is_set_aside(case: str, here: Path, finished: Path) -> None:
    put, aside, reason = FOREIGN[case]
    put(here)
    damaged = lorarun(here, "verify", "run")
    assert (damaged.exit_code, reason in damaged.stdout) == (74, True)
    done = lorarun(here, *RUN, "--set", "checkpoint/keep=1")
    assert done.exit_code == 0, done.stderr
    assert f"is no intact checkpoint: {reason}; it is now run/damaged/{aside[0]}\n" in done.stdout
    assert sorted(path.name for path in (here / "run/damaged").iterdir()) == aside
    assert summary(here) == summary(finished)


def test_checkpoints_of_another_run_alone_are_no_place_to_go_on_from(here: Path) -> None:
    another_run(here)
    before = tree(here)
    done = lorarun(here, *RUN)
    assert (done.exit_code, tree(here) == before) == (74, True)
    assert done.stderr.count("it is one of another run") == 3


def test_a_checkpoint_is_set_aside_under_a_name_that_is_free(here: Path, finished: Path) -> None:
    (here / "run/damaged/4-2").mkdir(parents=True)
    (here / "run/damaged/4").symlink_to("nowhere")
    (here / "run/checkpoints/4/manifest.json").unlink()
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert "it is now run/damaged/4-3\n" in done.stdout
    assert summary(here) == summary(finished)


def test_a_checkpoint_on_another_disk_is_set_aside_there(
    here: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def within_a_disk(self: Path, target: Path) -> Path:
        if Path(target).parent == Path("run/damaged"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", within_a_disk)
    (here / "run/checkpoints/4/manifest.json").unlink()
    done = lorarun(here, *RUN)
    assert done.exit_code == 0, done.stderr
    assert (here / "run/checkpoints/damaged/4").is_dir()
    assert summary(here) == summary(finished)


@pytest.fixture
def elsewhere(here: Path) -> Path:
    """A folder that the checkpoints of the run have been moved to, with a link in their place."""
    folder = here / "large disk"
    (here / "run/checkpoints").rename(folder)
    (here / "run/checkpoints").symlink_to(folder)
    return folder


@pytest.mark.usefixtures("elsewhere")
def test_a_run_with_its_checkpoints_on_another_disk_is_a_place_to_start_from(here: Path) -> None:
    (here / "latest").symlink_to("run/checkpoints/4")
    (here / "newest").symlink_to(here / "latest")
    for named in ("run", "run/checkpoints/4", "stores/../run/checkpoints/4", "latest", "newest"):
        assert newest_intact(Path(named)) == (here / "run/checkpoints/4", {}), named
    assert lorarun(here, "verify", "latest").exit_code == 0
    done = lorarun(here, *RUN[:3], "new", *RUN[4:], "--restore", "newest")
    assert done.exit_code == 0, done.stderr


def test_a_way_out_of_a_link_is_the_way_that_the_system_takes(here: Path) -> None:
    (here / "disk/one").mkdir(parents=True)
    (here / "other").rename(here / "disk/run")
    (here / "big").symlink_to("disk/one")
    assert newest_intact(Path("big/../run")) == (here / "disk/run/checkpoints/4", {})


def test_retention_removes_a_link_and_not_what_it_leads_to(here: Path, finished: Path) -> None:
    (here / "run/checkpoints/3").rename(here / "kept")
    (here / "run/checkpoints/3").symlink_to(here / "kept")
    done = lorarun(here, *RUN, "--set", "checkpoint/keep=1")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (here / "run/checkpoints").iterdir()) == ["2", "4"]
    assert (here / "kept/manifest.json").exists()
    assert summary(here) == summary(finished)


def test_names_that_no_step_has_are_left_alone(here: Path, finished: Path) -> None:
    for name in ("²", "007", "latest", "-1"):
        (here / "run/checkpoints" / name).mkdir()
    done = lorarun(here, *RUN, "--set", "checkpoint/keep=1")
    assert done.exit_code == 0, done.stderr
    assert (here / "run/checkpoints/007").is_dir()
    assert summary(here) == summary(finished)
    for command in ("runs", "verify"):
        assert lorarun(here, command, "run").exit_code == 0


@pytest.mark.parametrize(("named", "code"), [("run/checkpoints/4", 74), ("run", 74), ("run/checkpoints/5", 2)])
def test_a_damaged_checkpoint_to_start_from_is_not_called_absent(named: str, code: int, here: Path) -> None:
    for manifest in here.glob("run/checkpoints/*/manifest.json"):
        manifest.unlink()
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "new", "--restore", named)
    assert (done.exit_code, done.changed) == (code, set())
    assert ("it has no manifest.json" in done.stderr) is (code == 74)
