"""The largest micro-batch that fits a device: what the estimate says, held against what the compiler planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
from flax.training.train_state import TrainState

from runner.data.batch import train_batch
from runner.distributed import gathered, writes
from runner.failure import ExitCode, Failure
from runner.files.errors import storage_failures
from runner.mesh import batch_devices
from runner.run.record import note_micro_batch, noted_micro_batch
from runner.train.compiled import CompiledPhase, ProgramMemory, compile_phase, device_memory
from runner.train.micro_batch_checks import micro_batch_rows
from schema.budget.activations import micro_batch_bytes
from schema.budget.bytes import state_bytes
from schema.budget.micro_batch import MEMORY_SHARE, divisors
from schema.budget.stages import Phase
from schema.spec import Spec
from schema.text.wording import count, in_words

MOST_COMPILED = 4
# Rows whose program is expected above this multiple of the limit are not compiled to see whether they fit after all.
DOUBT = 1.1
SAME_MEMORY = 0.05  # by which share of it two processes may see the memory of one device differently


@dataclass(slots=True)
class Search:
    """Rows that were compiled, and what came of it; None where the compiler itself had too little memory.

    `share` are the rows of a batch on one device, `device_bytes` is its memory; `estimate` says of any number of rows
    how many bytes they take beside the state.
    """

    share: int
    device_bytes: int
    estimate: Callable[[int], int]
    compiled: dict[int, ProgramMemory | None] = field(default_factory=dict)

    @property
    def fitting(self) -> int | None:
        """The most rows that are known to fit."""
        return max((rows for rows, memory in self.compiled.items() if fits(memory, self.device_bytes)), default=None)

    def next_rows(self) -> int | None:
        """The rows to compile next; None where those that fit are the most, or nothing smaller is left."""
        if len(self.compiled) == MOST_COMPILED:
            return None
        most, limit = self.fitting or 0, MEMORY_SHARE * self.device_bytes
        above = min((rows for rows in self.compiled if rows > most), default=self.share + 1)
        between = [rows for rows in divisors(self.share) if most < rows < above]
        if most:
            return next((rows for rows in between if self._expected(rows) <= DOUBT * limit), None)
        # Nothing fits yet: half of the rows at most, so that the last of the compilations has a chance.
        lower = [rows for rows in between if 2 * rows <= above]
        return next((rows for rows in lower if self._expected(rows) <= limit), lower[-1] if lower else None)

    def _expected(self, rows: int) -> float:
        """Bytes that a program of so many rows should need, by the compiled one that is nearest to it."""
        known = {number: memory for number, memory in self.compiled.items() if memory is not None}
        if not known:  # the compiler had room for none: half of the rows may do
            return 0 if 2 * rows <= min(self.compiled) else float("inf")
        nearest = min(known, key=lambda number: abs(number - rows))
        memory = known[nearest]
        return memory.needed + memory.temporary * (self.estimate(rows) / self.estimate(nearest) - 1)


def fits(memory: ProgramMemory | None, device_bytes: int) -> bool:
    """Whether a program leaves a tenth of a device free."""
    return memory is not None and memory.needed <= MEMORY_SHARE * device_bytes


def largest_fitting(first: int, search: Search, compile_rows: Callable[[int], CompiledPhase]) -> CompiledPhase:
    """Compile a phase for `first` rows at once, and for more or fewer until the most rows that fit are found.

    At most four programs are compiled. Where none fits, the smallest is returned; where the compiler does not say what
    a program needs, the first. Raises Failure INVALID where the compiler had too little memory for each.
    """
    phases: dict[int, CompiledPhase] = {}
    rows: int | None = first
    while rows is not None:
        try:
            phases[rows] = compile_rows(rows)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            search.compiled[rows] = None
        else:
            if phases[rows].memory is None:
                return phases[rows]
            search.compiled[rows] = phases[rows].memory
        rows = search.next_rows()
    if not phases:
        raise Failure(
            f"{count(min(search.compiled), 'row')} at once, the fewest that were tried, take more than the "
            f"{in_words(search.device_bytes)} of a device; split the model with mesh/fsdp, set architecture/remat to "
            "full, or take a smaller model",
            ExitCode.INVALID,
        )
    return phases[search.fitting or min(phases)]


def compile_largest(
    spec: Spec, run_dir: Path, mesh: jax.sharding.Mesh, state: TrainState, phase: Phase, pinned: int | None = None
) -> tuple[CompiledPhase, int]:
    """Compile a phase with the micro-batch that the spec asks for, or the largest that fits a device of the mesh.

    Returns it with the number of micro-batches that were compiled. `pinned` are the rows of a phase whose masks of
    dropout are drawn for them. What was found to fit is noted in the run directory, so that a process that resumes
    compiles once. Raises Failure as `largest_fitting` and `micro_batch_rows` do.
    """
    room, compile_rows = device_memory(), partial(compile_phase, spec, mesh, state)
    if pinned is not None or spec.training.per_device_batch_size != -1 or room is None:
        return compile_rows(pinned or micro_batch_rows(spec, mesh, phase, room)), 1
    axes, devices = dict(mesh.shape), batch_devices(mesh)
    place: dict[str, Any] = {"mesh": axes, "remat": spec.architecture.remat, "device_bytes": room}
    noted = _noted_rows(run_dir, phase, place)
    if noted is not None and fits((compiled := compile_rows(noted)).memory, room):
        return compiled, 1
    gradients = state_bytes(spec.architecture, spec.optimization, axes, phase)["gradients"]
    segmented = train_batch(spec, phase).segmented

    def estimate(rows: int) -> int:
        return gradients + micro_batch_bytes(spec, axes, phase, rows, jax.default_backend(), segmented=segmented)

    search = Search(spec.training.batch_size // devices, room, estimate)
    compiled = largest_fitting(micro_batch_rows(spec, mesh, phase, room), search, compile_rows)
    if search.fitting == compiled.micro_rows and writes():
        with storage_failures(run_dir / "run.json", "write"):
            note_micro_batch(run_dir, phase, {**place, "rows": compiled.micro_rows})
    return compiled, len(search.compiled)


def memory_remark(compiled: CompiledPhase) -> str:
    """Say what a phase needs of a device that tells its memory, and whether that is more than there is."""
    memory, room = compiled.memory, device_memory()
    if memory is None or room is None:
        return ""
    return f"{in_words(memory.needed)} of {in_words(room)}{'' if memory.needed <= room else ', which is too little'}, "


def _noted_rows(run_dir: Path, phase: Phase, place: dict[str, Any]) -> int | None:
    """The rows that were found to fit such devices when the run did the phase before, as its first process knows."""
    noted = gathered(noted_micro_batch(run_dir, phase))[0]
    if noted is None or any(noted[name] != place[name] for name in ("mesh", "remat")):
        return None
    alike = abs(noted["device_bytes"] - place["device_bytes"]) <= SAME_MEMORY * noted["device_bytes"]
    return int(noted["rows"]) if alike else None
