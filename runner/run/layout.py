"""Names of a run directory, and how its checkpoints are found. Nothing is read but names."""

from __future__ import annotations

from pathlib import Path

from runner.files.seal import MANIFEST

CHECKPOINTS, BASE, EXPORT = "checkpoints", "base", "export"  # folders of a run directory
SUMMARY = "summary.json"  # of a finished run
BEFORE_A_RUN = (".lock", ".run.json.partial")  # what may lie in a run directory that has no run.json yet


def is_run(folder: Path) -> bool:
    """Whether a folder is a run directory."""
    return (folder / "run.json").is_file()


def checkpoints_of(path: Path) -> list[Path]:
    """Return the checkpoints that a path names, newest first: itself alone, or all of the run directory that it is.

    Nobody has looked yet whether they are intact.
    """
    path = _place(path)
    named = path.parent.name == CHECKPOINTS and is_step(path.name) and path.is_dir()
    return [path] if named or (path / MANIFEST).is_file() else checkpoints_in(path)


def _place(path: Path) -> Path:
    """Where a path leads; a link in the place of a run's folder `checkpoints` stays, for the base is beside it."""
    path = path.absolute()
    if ".." in path.parts:
        after = len(path.parts) - path.parts[::-1].index("..")
        path = Path(*path.parts[:after]).resolve().joinpath(*path.parts[after:])
    if path.is_symlink() and path.exists() and path.parent.name != CHECKPOINTS:
        return _place(path.parent / path.readlink())
    return path


def is_step(name: str) -> bool:
    """Whether a checkpoint may have this name: a step as it is written, and nothing else that is a number."""
    return name.isascii() and name.isdecimal() and str(int(name)) == name


def find_checkpoint(path: Path) -> Path | None:
    """Return the checkpoint that a path names: itself, or the newest of a run directory, with a manifest if one has."""
    found = checkpoints_of(path)
    return next((folder for folder in found if (folder / MANIFEST).is_file()), found[0] if found else None)


def checkpoints_in(run_dir: Path) -> list[Path]:
    """Whatever is called like a checkpoint of a run directory, newest first, damaged or strange."""
    folder = run_dir / CHECKPOINTS
    steps = [entry for entry in folder.iterdir() if is_step(entry.name)] if folder.is_dir() else []
    return sorted(steps, key=lambda entry: int(entry.name), reverse=True)
