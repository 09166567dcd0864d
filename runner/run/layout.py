"""Names of a run directory, and how its checkpoints are found. Nothing is read but names."""

from __future__ import annotations

from pathlib import Path

from runner.files.seal import MANIFEST

CHECKPOINTS, BASE, EXPORT = "checkpoints", "base", "export"  # folders of a run directory
RUNS = Path("runs")  # where runs lie whose folder is not named
NOTE = "lorarun.json"  # says, in each folder of an export, what it is
SUMMARY = "summary.json"  # of a finished run
BEFORE_A_RUN = (".lock", ".run.json.partial")  # what may lie in a run directory that has no run.json yet


def default_run_dir(spec: str) -> Path:
    """Where `exec` runs a spec file when no folder is named."""
    return RUNS / Path(spec).stem


def is_run(folder: Path) -> bool:
    """Whether a folder is a run directory."""
    return (folder / "run.json").is_file()


def checkpoints_of(path: Path) -> list[Path]:
    """Return the checkpoints that a path names, newest first: itself alone, or all of the run directory that it is.

    None of them is verified.
    """
    if (path / CHECKPOINTS).is_dir():
        return checkpoints_in(path)
    path = path.resolve()
    named = path.parent.name == CHECKPOINTS and is_step(path.name) and path.is_dir()
    sealed = (path / MANIFEST).is_file() and is_run(path.parent.parent)  # an export is sealed too
    return [path] if named or sealed else []


def is_step(name: str) -> bool:
    """Whether a checkpoint may have this name: a step as it is written, and nothing else that is a number."""
    return name.isascii() and name.isdecimal() and str(int(name)) == name


def checkpoints_in(run_dir: Path) -> list[Path]:
    """Whatever is called like a checkpoint of a run directory, newest first, damaged or strange."""
    folder = run_dir / CHECKPOINTS
    steps = [entry for entry in folder.iterdir() if is_step(entry.name)] if folder.is_dir() else []
    return sorted(steps, key=lambda entry: int(entry.name), reverse=True)
