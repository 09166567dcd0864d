"""A name → the model: a run, one of its checkpoints, a Hugging Face folder or hub id, an adapter of PEFT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.generation.folder import find_folder
from runner.generation.run import find_run
from runner.generation.target import Dtype, Target
from runner.run.layout import BASE, EXPORT, is_run
from runner.weights.hub import fetch
from schema.document.hub import hub_name


def find_target(named: Path, dtype: Dtype = None, say: Callable[[str], None] = print) -> Target:
    """Return the model that a path or OWNER/NAME[@REVISION] names, computed in another type where one is given.

    `say` tells what is fetched. Raises Failure INVALID where there is none, and as `find_run`, `find_folder` and
    `runner.weights.hub.fetch` do.
    """
    on_hub = hub_name(str(named))
    if on_hub and not named.parent.is_dir():  # runs/NAME is a run that is not there
        named = fetch(on_hub, True, say)
    is_part = named.name in (EXPORT, BASE) and is_run(named.absolute().parent)
    if is_part and not (named / "config.json").is_file():
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
