"""The largest micro-batch that fits a device: what the estimate says, held against what the compiler planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import jax
from flax.training.train_state import TrainState

from runner.distributed import writes
from runner.files.errors import storage_failures
from runner.mesh import batch_devices
from runner.run.record import note_micro_batch
from runner.train.compiled import CompiledPhase, ProgramMemory, compile_phase, device_memory
from runner.train.micro_batch_checks import first_rows, noted_rows
from schema.budget.activations import micro_batch_bytes
from schema.budget.bytes import state_bytes
from schema.budget.micro_batch import MEMORY_SHARE, divisors
from schema.budget.stages import Phase
from schema.spec import Spec
from schema.text.wording import in_words

MOST_COMPILED = 4
# How far above the limit a larger micro-batch may be expected before it is not worth a compilation to see.
DOUBT = 1.1


@dataclass(slots=True)
class Search:
    """Rows that were compiled, and what came of it.

    `share` are the rows of a batch on one device, `device_bytes` is its memory; `estimate` says of any number of rows
    how many bytes they take beside the state.
    """

    share: int
    device_bytes: int
    estimate: Callable[[int], int]
    compiled: dict[int, ProgramMemory] = field(default_factory=dict)

    @property
    def limit(self) -> float:
        """Bytes that a program may need."""
        return MEMORY_SHARE * self.device_bytes

    @property
    def fitting(self) -> int | None:
        """The most rows that are known to fit."""
        return max((rows for rows, memory in self.compiled.items() if memory.needed <= self.limit), default=None)

    def next_rows(self) -> int | None:
        """The rows to compile next; None where those that fit are the most, or nothing smaller is left."""
        if len(self.compiled) == MOST_COMPILED:
            return None
        fits = self.fitting or 0
        above = min((rows for rows in self.compiled if rows > fits), default=self.share + 1)
        between = [rows for rows in divisors(self.share) if fits < rows < above]
        if fits:
            return next((rows for rows in between if self._expected(rows) <= DOUBT * self.limit), None)
        # Nothing fits yet: half of the rows at most, so that the last of the compilations has a chance.
        lower = [rows for rows in between if 2 * rows <= above]
        return next((rows for rows in lower if self._expected(rows) <= self.limit), lower[-1] if lower else None)

    def _expected(self, rows: int) -> float:
        """Bytes that a program of so many rows should need, by the compiled one that is nearest to it."""
        nearest = min(self.compiled, key=lambda known: abs(known - rows))
        memory = self.compiled[nearest]
        return memory.needed + memory.temporary * (self.estimate(rows) / self.estimate(nearest) - 1)


def largest_fitting(first: int, search: Search, compile_rows: Callable[[int], CompiledPhase]) -> CompiledPhase:
    """Compile a phase for `first` rows at once, and for more or fewer until the most rows that fit are found.

    At most four programs are compiled. Where none fits, the last and smallest is returned; where the compiler does not
    say what a program needs, the first.
    """
    phases: dict[int, CompiledPhase] = {}
    rows: int | None = first
    while rows is not None:
        phases[rows] = compile_rows(rows)
        memory = phases[rows].memory
        if memory is None:
            return phases[first]
        search.compiled[rows] = memory
        rows = search.next_rows()
    return phases[search.fitting or min(phases)]


def compile_largest(
    spec: Spec, run_dir: Path, mesh: jax.sharding.Mesh, state: TrainState, phase: Phase
) -> CompiledPhase:
    """Compile a phase with the micro-batch that the spec asks for, or the largest that fits a device of the mesh.

    What was found to fit is noted in the run directory, so that a process that resumes compiles once.
    """
    memory, compile_rows = device_memory(), partial(compile_phase, spec, mesh, state)
    rows = first_rows(spec, run_dir, mesh, phase, memory)
    if spec.training.per_device_batch_size != -1 or memory is None or noted_rows(spec, run_dir, mesh, phase, memory):
        return compile_rows(rows)
    axes, devices = dict(mesh.shape), batch_devices(mesh)
    gradients = state_bytes(spec.architecture, spec.optimization, axes, phase)["gradients"]

    def estimate(rows: int) -> int:
        return gradients + micro_batch_bytes(spec, axes, phase, rows, jax.default_backend())

    compiled = largest_fitting(rows, Search(spec.training.batch_size // devices, memory, estimate), compile_rows)
    if writes():
        found = {"rows": compiled.micro_rows, "devices": devices, "device_bytes": memory}
        with storage_failures(run_dir / "run.json", "write"):
            note_micro_batch(run_dir, phase, found)
    return compiled


def memory_remark(compiled: CompiledPhase) -> str:
    """Say what a phase needs of a device that tells its memory, and whether that is more than there is."""
    memory, room = compiled.memory, device_memory()
    if memory is None or room is None:
        return ""
    return f"{in_words(memory.needed)} of {in_words(room)}{'' if memory.needed <= room else ', which is too little'}, "
