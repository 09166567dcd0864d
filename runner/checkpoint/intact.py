"""Which checkpoints of a run can be trusted: what was verified is a value, handed on and never verified again.

Loads no jax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from runner.checkpoint.manifest import Manifest, manifest_of
from runner.failure import ExitCode, Failure
from runner.files.seal import Damaged, Sealed, check_seal
from runner.run.layout import BASE, CHECKPOINTS, checkpoints_of
from runner.run.record import run_id


@dataclass(frozen=True, slots=True)
class Intact:
    """A checkpoint whose every byte is as it was saved; in phase lora with the frozen base that it was trained on."""

    sealed: Sealed
    manifest: Manifest
    base: Sealed | None = None

    @property
    def path(self) -> Path:
        """The folder of the checkpoint."""
        return self.sealed.path

    @property
    def run_dir(self) -> Path:
        """The run that it lies in."""
        return self.path.parent.parent


@dataclass(frozen=True, slots=True)
class Unusable:
    """A checkpoint that can't be restored, and why; `without_base` is what it is where nothing but its base lacks."""

    path: Path
    reason: str
    without_base: Intact | None = None


def verify_checkpoint(folder: Path) -> Intact:
    """Read every byte of a checkpoint, without its base. Raises Failure STORAGE with what is wrong.

    What lies among the checkpoints of a run, and is of another step than its name says or of another run, is no
    checkpoint of it.
    """
    try:
        sealed = check_seal(folder)
        manifest = manifest_of(sealed.facts)
        if folder.parent.name == CHECKPOINTS:
            _check_place(folder, manifest)
        return Intact(sealed, manifest)
    except Damaged as damaged:
        raise Failure(f"{folder} is no intact checkpoint: {damaged}", ExitCode.STORAGE) from damaged


def verify_base(run_dir: Path) -> Sealed:
    """Read every byte of the frozen base of a run. Raises Failure STORAGE with what is wrong."""
    folder = run_dir / BASE
    try:
        return check_seal(folder)
    except Damaged as damaged:
        raise Failure(f"{folder} is not intact: {damaged}", ExitCode.STORAGE) from damaged


def verified(path: Path) -> Iterator[Intact | Unusable]:
    """Verify the checkpoints that a path names, newest first, each as it is asked for; their base once.

    `path` is a run directory, or a checkpoint, which then is the only one.
    """
    base: Sealed | Failure | None = None
    for folder in checkpoints_of(path):
        try:
            found = verify_checkpoint(folder)
        except Failure as failure:
            yield Unusable(folder, str(failure))
            continue
        if found.manifest.progress.phase == "full":
            yield found
            continue
        base = base or _base_or_failure(found.run_dir)
        try:
            yield with_base(found, base)
        except Failure as failure:
            yield Unusable(folder, str(failure), without_base=found)


def verify(folder: Path) -> Intact:
    """Read every byte of a checkpoint and of its base. Raises Failure STORAGE with what is wrong."""
    found = verify_checkpoint(folder)
    return found if found.manifest.progress.phase == "full" else with_base(found, verify_base(found.run_dir))


def newest_intact(path: Path) -> tuple[Intact | None, dict[Path, str]]:
    """Return the newest checkpoint that can be restored, and the newer ones that can't, each with the reason."""
    unusable: dict[Path, str] = {}
    for found in verified(path):
        if isinstance(found, Intact):
            return found, unusable
        unusable[found.path] = found.reason
    return None, unusable


def with_base(checkpoint: Intact, base: Sealed | Failure) -> Intact:
    """Join a checkpoint of phase lora and its base.

    Raises Failure STORAGE when it was trained on another one, and the failure that the base is.
    """
    if isinstance(base, Failure):
        raise base
    if base.facts.get("base_digest") != checkpoint.manifest.progress.base_digest:
        raise Failure(f"{base.path} is not the base that {checkpoint.path} was trained on", ExitCode.STORAGE)
    return replace(checkpoint, base=base)


def _base_or_failure(run_dir: Path) -> Sealed | Failure:
    try:
        return verify_base(run_dir)
    except Failure as failure:
        return failure


def _check_place(folder: Path, manifest: Manifest) -> None:
    if folder.name != str(manifest.progress.step):
        raise Damaged(f"it is a copy of that of step {manifest.progress.step:,}")
    if run_id(folder.parent.parent) not in (None, manifest.run_id):
        raise Damaged("it is one of another run")
