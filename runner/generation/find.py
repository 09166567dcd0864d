"""A path → the model that it names: a run, one of its checkpoints, a Hugging Face folder, an adapter of PEFT."""

from __future__ import annotations

from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.generation.folder import find_folder
from runner.generation.run import find_run
from runner.generation.target import Dtype, Target
from runner.run.layout import BASE, EXPORT


def find_target(named: Path, dtype: Dtype = None) -> Target:
    """Return the model that a path names, computed in another type where one is given.

    Raises Failure INVALID where the path names none, and as `find_run` and `find_folder` do.
    """
    if named.name in (EXPORT, BASE) and not (named / "config.json").is_file() and named.is_dir():
        run = named.parent
        raise Failure(
            f"{named} is a part of a run; name {run}, or a folder such as {run}/export/merged", ExitCode.INVALID
        )
    target = find_folder(named, dtype) or find_run(named, dtype)
    if target is None:
        what = "holds no run and no model" if named.exists() else "does not exist"
        raise Failure(
            f"{named} {what}; name a run directory such as runs/NAME, one of its checkpoints, or a folder with "
            "config.json or adapter_config.json",
            ExitCode.INVALID,
        )
    return target
