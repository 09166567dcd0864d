"""Reads a run again, byte for byte, and says of each part whether it is what was written. Loads neither jax nor numpy.

Checkpoints, base and export are sealed folders; run.json, plan.json and summary.json hold digests of their own; the
newest checkpoint says how many bytes of records precede it, and which token stores it was trained with. TensorBoard's
files are left out: metrics.jsonl has all that is in them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.checkpoint.intact import verify_base, verify_checkpoint
from runner.checkpoint.manifest import Manifest
from runner.data.stores.files import verify_store
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_text
from runner.files.seal import Damaged, check_seal
from runner.metrics.jsonl import METRICS
from runner.run.layout import BASE, EXPORT, SUMMARY, checkpoints_of, is_run
from runner.run.lock import is_locked
from schema.text.paths import at_home

RUN, PLAN = "run.json", "plan.json"
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a run that was read again; `damage` says what is wrong, and is empty where nothing is.

    What is not `proven` may be as it was written, and nothing says so.
    """

    name: str
    facts: str
    damage: str = ""
    proven: bool = True

    def __str__(self) -> str:
        if self.damage:
            return f"{self.name}: damaged: {self.damage}"
        return f"{self.name}: {'intact' if self.proven else 'not proven'}: {self.facts}"


def verify_run(path: Path) -> Iterator[Part]:
    """Read every byte of a run again, or of one of its checkpoints, and say of each part whether it is intact.

    Raises Failure INVALID when the path is neither.
    """
    found = checkpoints_of(path)
    if not found and not is_run(path):
        raise Failure(
            f"{path} holds no run; name a run directory, or a folder like runs/NAME/checkpoints/STEP", ExitCode.INVALID
        )
    run_dir = path if is_run(path) else found[0].parent.parent
    newest, base_digest = None, None
    for checkpoint in reversed(found):
        name = f"{checkpoint.parent.name}/{checkpoint.name}"
        try:
            intact = verify_checkpoint(checkpoint)
        except Failure as failure:
            if checkpoint.exists() or not is_locked(run_dir):  # a run that trains meanwhile prunes old ones
                yield Part(name, "", _reason(failure))
        else:
            newest, progress = intact.manifest, intact.manifest.progress
            base_digest = progress.base_digest or base_digest
            yield Part(name, f"phase {progress.phase}, step {progress.step:,}, {intact.sealed.bytes:,} bytes")
    if base_digest or (run_dir / BASE).exists():
        yield _base(run_dir, base_digest)
    if run_dir != path:
        if (run_dir / EXPORT).exists():
            yield _export(run_dir, {}, None)
        return
    own = {name: _own_file(run_dir / name) for name in (RUN, PLAN, SUMMARY) if (run_dir / name).exists()}
    facts = {name: own.get(name, (None, Facts()))[1] for name in (RUN, PLAN, SUMMARY)}
    if (run_dir / EXPORT).exists():
        yield _export(run_dir, facts[SUMMARY], newest)
    for name, (part, _) in own.items():
        yield _plan(part, facts, newest) if name == PLAN else part
    if records := _records(run_dir / METRICS, newest):
        yield records
    yield from _stores(facts[RUN], newest)


def _base(run_dir: Path, expected: str | None) -> Part:
    try:
        base = verify_base(run_dir)
    except Failure as failure:
        return Part(BASE, "", _reason(failure))
    digest = str(base.facts.get("base_digest"))
    if expected not in (None, digest):
        return Part(BASE, "", f"it is the base {digest[:12]}, and the checkpoints were trained on {expected[:12]}")
    return Part(BASE, f"the frozen base {digest[:12]}, {base.bytes:,} bytes")


def _export(run_dir: Path, summary: Facts, newest: Manifest | None) -> Part:
    """An export, and whether it is of the weights that a finished run ended with."""
    try:
        export = check_seal(run_dir / EXPORT)
    except Damaged as damaged:
        return Part(EXPORT, "", str(damaged))
    digest = str(export.facts.get("weights_digest"))
    own = summary.get("weights_digest") if _ended_at(summary, newest) else None
    if own not in (None, digest):
        return Part(EXPORT, "", f"it is of weights {digest[:12]}, and {SUMMARY} of {own[:12]}; run the command again")
    return Part(EXPORT, f"weights {digest[:12]}, {export.bytes:,} bytes")


def _ended_at(summary: Facts, newest: Manifest | None) -> bool:
    """Whether a summary is of a run that took no step since."""
    return newest is not None and summary.get("steps") == newest.progress.step


def _own_file(path: Path) -> tuple[Part, Facts]:
    """A JSON file with a digest of its own, and what it says; nothing where it is damaged."""
    try:
        facts = read_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return Part(path.name, "", str(error)), {}
    return Part(path.name, "it agrees with its own digest"), facts


def _plan(part: Part, facts: dict[str, Facts], newest: Manifest | None) -> Part:
    """A plan, and whether it is the one that the newest checkpoint was trained by, or that the run has ended with."""
    digest = facts[PLAN].get("digest")
    if part.damage or newest is None or digest in (newest.plan_digest, facts[SUMMARY].get("plan_digest")):
        return part
    if _changed_since(facts[RUN], newest):
        return replace(part, facts=f"{part.facts}; the spec was changed since step {newest.progress.step:,}")
    own, other = str(digest)[:12], newest.plan_digest[:12]
    return replace(part, damage=f"it is the plan {own}, and step {newest.progress.step:,} was trained by {other}")


def _changed_since(run: Facts, newest: Manifest) -> bool:
    """Whether the run resumes with another spec than its newest checkpoint may have been trained by."""
    return not run or any(entry["step"] >= newest.progress.step for entry in run.get("history", []))


def _records(path: Path, newest: Manifest | None) -> Part | None:
    """The records of a run: one a line, in the order of steps, as many bytes as the newest checkpoint counts."""
    counted = newest.records_end if newest is not None else 0
    if not path.exists():
        return Part(path.name, "", "it is missing") if counted else None
    try:
        size, last = path.stat().st_size, _last_step(path)
    except OSError as error:
        return Part(path.name, "", f"it cannot be read: {error.strerror or error}")
    except ValueError as error:
        return Part(path.name, "", str(error))
    if size < counted:
        return Part(path.name, "", f"it has {size:,} bytes, and {counted:,} were written before the newest checkpoint")
    return Part(path.name, f"{size:,} bytes, records up to step {last:,}")


def _last_step(path: Path) -> int:
    """Read every record of a file, and return the step of the last. Raises OSError, ValueError.

    Half a line at the end, which a resumed run removes, is no record.
    """
    step = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            before = step
            try:
                step = int(json.loads(line)["step"])
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"line {number} is no record") from error
            if step < before:
                raise ValueError(f"line {number} is of step {step:,}, and follows one of {before:,}")
    return step


def _stores(run: Facts, newest: Manifest | None) -> Iterator[Part]:
    """The token stores that the newest checkpoint was trained on, where they still are."""
    if newest is None:
        return
    try:
        root = at_home(run["spec"]["data/root"])
    except (KeyError, TypeError):
        yield Part("stores", f"not read: {RUN} does not say where they are", proven=False)
        return
    for name, digest in newest.progress.stores.items():
        folder = root / name
        try:
            meta = verify_store(folder) if folder.exists() else None
        except Failure as failure:
            yield Part(str(folder), "", _reason(failure))
            continue
        if meta is None:
            yield Part(str(folder), "it is not there, seen from this folder", proven=False)
        elif meta.digest != digest:
            yield Part(str(folder), "it was made again since, of another source or tokenizer", proven=False)
        else:
            size = sum(file.bytes for split in meta.splits.values() for file in split.files.values())
            yield Part(str(folder), f"the store {digest[:12]}, {size:,} bytes")


def _reason(error: Exception) -> str:
    """What is wrong, without the name of the part."""
    return str(error).partition(": ")[2]
