"""What follows from a spec by arithmetic: the one value that rules, the plan and the trainer read.

It reads no disk: what it must know of a machine comes in as an `Environment`. Each part is computed when it is asked
for, so that a key which failed its check makes only those parts unavailable that need it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from schema.budget.bytes import WHOLE, base_bytes, checkpoint_bytes, export_bytes
from schema.budget.course import Course
from schema.budget.deciding import adapters_without_phase, decides_alone, displaced
from schema.budget.disk import DiskBudget, Kept, Sizes, disk_budget, kept_now
from schema.budget.draws import EntryBudget, Terms
from schema.budget.event_steps import is_scored
from schema.budget.mesh import batch_parts, known_axes
from schema.budget.phase import PhaseBudget
from schema.budget.readable import readable_stages
from schema.budget.schedules import load_schedule
from schema.budget.stages import (
    AskedStage,
    Phase,
    StageBudget,
)
from schema.check.findings import Unavailable
from schema.environment import Environment, Run

if TYPE_CHECKING:
    from schema.spec import Spec


@dataclass(frozen=True, eq=False)
class Budget:
    """The arithmetic of one spec on one machine.

    `sections` are the sections of a typed Spec or of a Document: only their attributes are read, and reading one that
    failed raises Unavailable. `written` are the slash paths of the keys that the user wrote, as far as they decide.
    `judged` says whether a spec that LR107 or LR111 refuses has no stages; a typed Spec has been accepted before.
    """

    sections: Any
    written: Collection[str]
    environment: Environment
    judged: bool

    @property
    def one_budget(self) -> bool:
        """Whether training/tokens and training/dataset decide."""
        return decides_alone(self.written)

    @property
    def displaced(self) -> dict[str, str]:
        """Keys of a run of one phase, each with the key of phase full in whose place it stands: LR111 says so."""
        return displaced(self.written)

    @property
    def adapters_without_phase(self) -> bool:
        """Whether optimization/lora is written, and nothing of phase lora: LR107 says so."""
        return adapters_without_phase(self.written)

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one step consumes, of each side of a row."""
        return int(self.sections.training.batch_size * self.sections.architecture.block_size)

    @cached_property
    def asked(self) -> tuple[AskedStage, ...]:
        """The stages that are asked, those of phase full where nobody knows of phase lora; a mixture may be unreadable.

        Raises Unavailable where phase full is incomplete, or budgets and mixtures unequal.
        """
        if self.judged and self.displaced:
            raise Unavailable("training")
        found = readable_stages(self.sections.training, [path.removeprefix("training/") for path in self.written])
        return tuple(stage for stage in found if self._has_end or stage.phase == "full")

    @cached_property
    def course(self) -> Course:
        """What becomes of them."""
        return Course(self.asked, self.sections, self.environment)

    @property
    def terms(self) -> Terms:
        """How stages are drawn."""
        return self.course.terms

    @property
    def stages(self) -> tuple[StageBudget, ...]:
        """The stages of the run with their steps.

        Raises Unavailable as `asked` does, and NotPreparedError where the steps follow from stores that nobody knows.
        """
        return self.course.stages

    @property
    def draws(self) -> tuple[tuple[EntryBudget, ...], ...]:
        """The mixture of each stage, with the rows that every entry provides."""
        return self.course.draws

    @property
    def _has_end(self) -> bool:
        """Whether all phases are known: LR107 refuses adapters whose phase is not written."""
        return not (self.judged and self.adapters_without_phase and not self.one_budget)

    @property
    def steps(self) -> int:
        """Steps of the run; raises Unavailable where nobody knows of phase lora."""
        if not self._has_end:
            raise Unavailable("training/post_lora_tokens")
        return self.stages[-1].end if self.asked else 0

    @property
    def has_adapters(self) -> bool:
        """Whether there is a phase lora; raises Unavailable where nobody knows."""
        if not self._has_end:
            raise Unavailable("training/post_lora_tokens")
        return any(stage.phase == "lora" for stage in self.asked)

    @cached_property
    def phases(self) -> dict[Phase, PhaseBudget]:
        """The phases that have a stage, in order."""
        return {
            name: PhaseBudget(name, lambda: self.stages, self.sections, self.environment)
            for name in dict.fromkeys(stage.phase for stage in self.asked)
        }

    @property
    def scored(self) -> bool:
        """Whether the run reads validation splits."""
        return is_scored(self.sections)

    @property
    def batch_parts(self) -> int:
        """Into how many parts the rows of a batch are split; at least into how many, on devices that nobody counted.

        Raises ValueError where the mesh does not fit the devices, or no number of them.
        """
        return batch_parts(self.sections.mesh, self.environment.devices)

    @property
    def device_rows(self) -> int:
        """Rows of a batch that one device takes in a step, in one micro-batch or several.

        Raises Unavailable where devices are unknown and matter, or where they don't divide the batch.
        """
        mesh = known_axes(self.sections.mesh, self.environment.devices)
        rows, rest = divmod(self.sections.training.batch_size, mesh["data"] * mesh["fsdp"])
        if rest:
            raise Unavailable("training/batch_size")
        return int(rows)

    @property
    def reads_decay_pct(self) -> bool:
        """Whether the schedule reads training/decay_pct; where it does not, LR009 says so."""
        return load_schedule(self.sections.optimization.schedule).READS_DECAY_PCT

    @property
    def export_bytes(self) -> int:
        """Bytes of the tensors that are exported at the end."""
        return self._export_bytes(self.has_adapters)

    @cached_property
    def disk(self) -> DiskBudget:
        """What the run keeps at the worst moment from now on; a run that lies there resumes."""
        run, checkpoint = self.environment.run or Run(""), self.sections.checkpoint
        boundary = self.phases["full"].last_step if "full" in self.phases else 0
        there, done = kept_now(run, boundary, self.steps), run.step or 0
        to_come = {name: phase.checkpoint_steps.after(done).number for name, phase in self.phases.items()}
        saves = Kept(to_come.get("full", 0), to_come.get("lora", 0))
        architecture, optimization = self.sections.architecture, self.sections.optimization
        sizes = Sizes(
            checkpoint_bytes(architecture, optimization, "full"),
            checkpoint_bytes(architecture, optimization, "lora"),
            base_bytes(architecture, WHOLE),
            self._export_bytes(bool(there.lora + saves.lora)),
        )
        return disk_budget(there, saves, sizes, checkpoint.keep, checkpoint.best)

    def _export_bytes(self, has_adapters: bool) -> int:
        sections = self.sections
        return export_bytes(sections.architecture, sections.optimization.lora, sections.export, has_adapters)


def budget_of(spec: Spec, environment: Environment) -> Budget:
    """Return the budget of a typed spec."""
    written = {f"training/{name}" for name in spec.training.model_fields_set}
    return Budget(spec, written, environment, judged=False)
