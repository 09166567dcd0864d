"""Wherever a disk is full, a run says so, keeps what was there, and goes on when there is room."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runner.files.small_disk import PAGE, Disks, Done, small_disks, taken
from tests.runner.interrupted_run import records, summary
from tests.runner.workplace import SPEC, fill

NO_SPACE = r"lorarun: cannot write {disk}/run: No space left on device"
RUN_JSON = r"lorarun: cannot write the run directory {disk}/run: No space left on device"
FULL = (
    r"lorarun: cannot save to \S+/{disk}/run{folder}: the disk is full: {what} takes about [\d,]+ bytes, and [\d,]+ "
    r"are free; earlier checkpoints are kept: make room and run the same command again"
)
CHECKPOINT = {"folder": "/checkpoints", "what": "the checkpoint"}


@dataclass(frozen=True, slots=True)
class Row:
    """What of the finished run lies on the disk, which part the room that is left is for, and what is said.

    `share` is how much of that part there is room for; in place of a part, `files` are those that there is room for
    beside the lock. `foretold` is whether the run is warned before it begins: files of so small a model take more than
    their numbers, which alone are foretold; None where that is too near to tell. `finishes` is whether the run is
    finished when there is room; not where the same lies on the disk as in another row.
    """

    kept: tuple[str, ...]
    part: str
    says: str
    share: float = 0.5
    files: tuple[str, ...] | None = None
    foretold: bool | None = True
    finishes: bool = True


# The lock, run.json, plan.json, metrics.jsonl and the events of TensorBoard take whole pages, in this order.
ROWS = {
    "store": Row(
        (), "stores", r"lorarun: token store '{disk}/stores/tales' cannot be written: No space left on device"
    ),
    "run": Row((), "", RUN_JSON, files=(), finishes=False),
    "metrics": Row((), "", NO_SPACE, files=("run.json", "plan.json"), finishes=False),
    "tensorboard": Row((), "", NO_SPACE, files=("run.json", "plan.json", "metrics.jsonl")),
    "first": Row((), "checkpoints/1", FULL.format(disk="{disk}", **CHECKPOINT)),
    "base": Row(
        ("run.json", "metrics.jsonl", "checkpoints/1", "checkpoints/2"),
        "base",
        FULL.format(disk="{disk}", folder="", what="the frozen base"),
        foretold=None,
        finishes=False,
    ),
    "lora": Row(
        ("run.json", "metrics.jsonl", "checkpoints/2", "base"),
        "checkpoints/3",
        FULL.format(disk="{disk}", **CHECKPOINT),
        share=0.6,
        foretold=False,
    ),
}
FORETOLD = "warning[LR607 checkpoint-budget]: the run keeps up to"  # before the run begins
# The last file that there was room for, to tell apart what has one sentence.
LAST_FILE = {"metrics": "plan.json", "tensorboard": "metrics.jsonl"}


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    """A folder with a finished run in `whole/run`, whose four checkpoints are all kept, and its stores."""
    folder = tmp_path_factory.mktemp("disks")
    fill(folder)
    often = SPEC.replace("{report_interval: 1}", "{report_interval: 1, checkpoint_interval: 1}")
    (folder / "spec.yaml").write_text(often + "checkpoint: {keep: 9}\nexport: {merged: false, adapter: false}\n")
    with small_disks(folder) as disks:
        disks.mount("whole")
        done = execute(disks, "whole")
        assert done.exit_code == 0, done.stderr
        yield disks


def execute(disks: Disks, name: str, *settings: str) -> Done:
    given = (f"--set={setting}" for setting in (f"data/root={name}/stores", *settings))
    return disks.lorarun("exec", "spec.yaml", "--run-dir", f"{name}/run", *given)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_full_disk_stops_a_run_that_goes_on_when_there_is_room(name: str, disks: Disks) -> None:
    row, disk, whole = ROWS[name], disks.mount(name), disks.path("whole")
    for kept in ("../stores", *row.kept) if name != "store" else ():
        lay(whole / "run" / kept, disk.path / "run" / kept)
    before = sorted(path.name for path in disk.path.glob("run/checkpoints/*"))
    disk.leave(room_for(whole, row))

    done = execute(disks, name)
    assert (done.exit_code, "Traceback" in done.stderr) == (74, False), done.stderr
    assert re.fullmatch(row.says.format(disk=name), done.stderr.splitlines()[-1])
    assert (FORETOLD in done.stderr) is row.foretold or row.foretold is None
    assert sorted(path.name for path in disk.path.glob("run/checkpoints/*")) == before
    assert not list(disk.path.glob("run/checkpoints/.partial-*"))
    if name in LAST_FILE:
        written = [path for path in disk.path.glob("run/*.*") if path.is_file() and path.stat().st_size]
        assert max(written, key=lambda path: path.stat().st_mtime_ns).name == LAST_FILE[name]
    if (disk.path / "run/run.json").exists():
        verified = disks.lorarun("verify", f"{name}/run")
        assert verified.exit_code == 0, verified.stdout
        assert verified.stdout.count("checkpoints/") == len(before)

    if not row.finishes:
        return
    disk.leave(10_000_000)
    done = execute(disks, name)
    assert (done.exit_code, FORETOLD in done.stderr) == (0, False), done.stderr
    assert summary(disk.path / "run") == summary(whole / "run")
    assert records(disk.path / "run") == records(whole / "run")


@pytest.mark.slow
def test_a_disk_that_is_full_at_the_export_keeps_the_run(disks: Disks) -> None:
    disk, both = disks.mount("export"), ("export/merged=true", "export/adapter=true")
    for kept in ("stores", "run"):
        lay(disks.path("whole") / kept, disk.path / kept)
    disk.leave(60_000)  # for one model of 54,208 bytes and a few small files, of two

    done = execute(disks, "export", *both)
    assert (done.exit_code, "Traceback" in done.stderr) == (74, False), done.stderr
    assert "the disk is full: the export takes about " in done.stderr
    assert sorted(path.name for path in disk.path.glob("run/checkpoints/*")) == ["1", "2", "3", "4"]
    assert not (disk.path / "run/export").exists()

    disk.leave(10_000_000)
    assert execute(disks, "export", *both).exit_code == 0
    assert disks.lorarun("verify", "export/run").exit_code == 0
    assert sorted(path.name for path in disk.path.glob("run/export/*/")) == ["adapter", "base", "merged"]


def lay(source: Path, target: Path) -> None:
    """Copy a file or a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def room_for(whole: Path, row: Row) -> int:
    """Bytes that are too few for a part of the finished run, by half of it; a store's note comes after its rest."""
    if row.files is not None:  # records begin with a page, however many there are in the end
        # The finished run was planned before there was a store: here the plan says epochs too.
        sizes = [1 if name == "metrics.jsonl" else (whole / "run" / name).stat().st_size + 200 for name in row.files]
        return PAGE * (1 + sum(-(-size // PAGE) for size in sizes))
    if row.part == "stores":
        return taken(whole / "stores") - 2 * PAGE
    return int(row.share * taken(whole / "run" / row.part))
