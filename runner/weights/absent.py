"""Why a path names no weights that a run can start from, and what to name instead."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from runner.files.seal import MANIFEST
from runner.run.layout import EXPORT, is_run
from runner.weights._files import CONFIG
from schema.document import ADAPTER_CONFIG, NOTHING_RECORDED
from schema.document.pretrained import find_pretrained

ADAPTER, MERGED = "adapter", "merged"  # folders of an export
WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt")
NAME_WEIGHTS = "name a run directory, a folder like runs/NAME/checkpoints/STEP, or a model's folder with config.json"


def _is_trainable(folder: Path) -> bool:
    """Whether a folder holds a model that can be trained here: what family gpt is exported as is not one."""
    model = find_pretrained({"pretrained": str(folder.absolute())}, NOTHING_RECORDED) if folder.is_dir() else None
    return model is not None and not model.obstacle


class Absent(NamedTuple):
    """What is wrong with a path, and what to write instead."""

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def why_absent(named: Path) -> Absent:
    """Look at what lies at a path at which `find_weights` finds nothing. Raises OSError where it can't be read."""
    folder = named.absolute()
    run = next((each for each in (folder, *folder.parents[:2]) if is_run(each)), None)
    shown = named if run == folder else named.parents[0] if run == folder.parent else named.parents[1] if run else None
    if not named.exists():
        return Absent(f"there is nothing at {named}", NAME_WEIGHTS)
    if folder.is_file() and not run:
        whole = f"name its folder, {named.parent}, with its config.json" if named.suffix in WEIGHTS else NAME_WEIGHTS
        return Absent(f"{named} is a file", whole)
    if run == folder:
        return Absent(f"the run {named} has no checkpoint yet", "let it save one, or name other weights")
    if (folder / ADAPTER_CONFIG).is_file():
        base = f"name the run {shown}" if run else "name the model that they belong to"
        remedy = f"{base}, or write optimization/lora/init: {named} to begin phase lora with them"
        return Absent(f"{named} holds adapters without the model that they belong to", remedy)
    exported = [each for each in (MERGED, ADAPTER) if (folder / each).is_dir()]
    if folder.name == EXPORT or (exported and (folder / MANIFEST).is_file()):
        merged = f"write architecture/pretrained: {named / MERGED}" if _is_trainable(named / MERGED) else ""
        whole = f"give the run directory, {shown}" if run else ""
        return Absent(f"{named} is the export of a run", ", or ".join(filter(None, (whole, merged))) or NAME_WEIGHTS)
    if run:
        return Absent(f"{named} is a part of the run {shown}", f"give the run directory, {shown}")
    if (folder / MANIFEST).is_file():
        return Absent(f"{named} is a checkpoint without the run.json of its run", "name it in its run directory")
    if runs := sorted(each.name for each in folder.iterdir() if is_run(each)):
        listed = ", ".join(runs[:5]) + (", …" if len(runs) > 5 else "")
        return Absent(f"{named} is a folder of runs", f"name one of them: {listed}")
    if any(each.suffix in WEIGHTS for each in folder.iterdir()):
        return Absent(f"{named} has no {CONFIG} beside its weights", "get the whole folder of the model")
    return Absent(f"{named} holds no weights", NAME_WEIGHTS)
