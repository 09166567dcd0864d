"""One phase in numbers: its steps, learning rates and events, what it trains, and the bytes that this takes.

Each part is computed when it is asked for, from those sections of the spec alone that it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from schema.budget.activations import attention_kernel, micro_batch_bytes
from schema.budget.bytes import checkpoint_bytes, state_bytes
from schema.budget.dataset_names import key_of
from schema.budget.event_steps import EventSteps, event_steps
from schema.budget.mesh import known_axes
from schema.budget.micro_batch import micro_batch_rows
from schema.budget.schedules import load_schedule
from schema.budget.stages import Phase, StageBudget
from schema.check.findings import Unavailable
from schema.environment import Environment
from schema.families import Parameter, adapters, flops_per_token, parameters


@dataclass(frozen=True, eq=False)
class PhaseBudget:
    """A phase and its stages, for `sections` as Budget has them, on the machine of an Environment.

    `find_stages` returns those of the run; it raises Unavailable where their steps follow from stores nobody knows.
    """

    name: Phase
    find_stages: Callable[[], tuple[StageBudget, ...]]
    sections: Any
    environment: Environment

    @cached_property
    def stages(self) -> tuple[StageBudget, ...]:
        """Its stages, in order."""
        return tuple(stage for stage in self.find_stages() if stage.phase == self.name)

    @property
    def first_step(self) -> int:
        """Its first step; steps of the whole run count from 1."""
        return self.stages[0].start + 1

    @property
    def last_step(self) -> int:
        """Its last step."""
        return self.stages[-1].end

    @property
    def steps(self) -> int:
        """Number of its steps."""
        return self.last_step - self.first_step + 1

    @property
    def peak(self) -> float:
        """Peak learning rate."""
        optimization = self.sections.optimization
        own: float | None = optimization.lora.lr if self.name == "lora" else None
        return own if own is not None else float(optimization.lr)

    @cached_property
    def schedule_steps(self) -> tuple[int, int]:
        """Steps of warm-up and of decay; raises Unavailable where they take more than the phase."""
        warmup, decay = self.sections.training.warmup_pct, self.sections.training.decay_pct
        try:
            return load_schedule(self.sections.optimization.schedule).shape(self.steps, warmup, decay)
        except ValueError as error:
            raise Unavailable("training/decay_pct") from error

    def learning_rate(self, step: int) -> float:
        """The rate of a step of this phase, counted from 0 within it."""
        schedule = load_schedule(self.sections.optimization.schedule)
        return schedule.learning_rate(step, self.steps, self.peak, *self.schedule_steps)

    @cached_property
    def report_steps(self) -> EventSteps:
        """The steps that are reported: the first one too."""
        return event_steps(self.sections.logging.report_interval, self.first_step, self.last_step, from_first=True)

    @cached_property
    def validation_steps(self) -> EventSteps:
        """The steps that validate; none where training/validation is off."""
        if not self.sections.training.validation:
            return EventSteps()
        return event_steps(self.sections.logging.validation_interval, self.first_step, self.last_step)

    @cached_property
    def checkpoint_steps(self) -> EventSteps:
        """The steps that are saved."""
        return event_steps(self.sections.logging.checkpoint_interval, self.first_step, self.last_step)

    @cached_property
    def trained(self) -> tuple[Parameter, ...]:
        """The arrays that are trained: the parameters, or the adapters on them."""
        every, lora = parameters(self.sections.architecture), self.sections.optimization.lora
        return adapters(every, lora.target_modules, lora.rank) if self.name == "lora" else every

    @property
    def trainable_parameters(self) -> int:
        """Scalars that are trained."""
        return sum(parameter.size for parameter in self.trained)

    @property
    def frozen_parameters(self) -> int:
        """Scalars of the frozen base."""
        every = parameters(self.sections.architecture) if self.name == "lora" else ()
        return sum(parameter.size for parameter in every)

    @property
    def flops_per_step(self) -> int:
        """FLOPs of one step."""
        architecture = self.sections.architecture
        tokens = self.sections.training.batch_size * architecture.block_size
        return int(tokens * flops_per_token(architecture, self.trainable_parameters, self.name))

    @cached_property
    def mesh(self) -> dict[str, int]:
        """Size of each mesh axis; raises Unavailable where devices are unknown and matter, or don't fit."""
        return known_axes(self.sections.mesh, self.environment.devices)

    @cached_property
    def state_bytes(self) -> dict[str, int]:
        """Bytes on one device by part, activations left out."""
        return state_bytes(self.sections.architecture, self.sections.optimization, self.mesh, self.name)

    @cached_property
    def micro_batch_rows(self) -> int | None:
        """Rows that a device takes at once; None where a machine that is not known chooses them."""
        device_bytes = self.environment.device_bytes
        if self.sections.training.per_device_batch_size < 1 and device_bytes is None:
            return None
        platform = self.environment.platform
        return micro_batch_rows(
            self.sections, self.mesh, self.name, device_bytes, platform, segmented=self.is_segmented
        )

    @cached_property
    def activation_bytes(self) -> int:
        """Estimated bytes of the activations of one micro-batch; of one row where its rows are not known."""
        rows, platform = self.micro_batch_rows or 1, self.environment.platform
        return micro_batch_bytes(self.sections, self.mesh, self.name, rows, platform, segmented=self.is_segmented)

    @property
    def attention_kernel(self) -> Literal["xla", "cudnn"]:
        """The kernel of attention on the platform."""
        return attention_kernel(self.sections.architecture, self.environment.platform, self.is_segmented)

    @property
    def kernel_without_segments(self) -> Literal["xla", "cudnn"]:
        """The kernel that attention would have, were rows of one segment each."""
        return attention_kernel(self.sections.architecture, self.environment.platform)

    @cached_property
    def is_segmented(self) -> bool:
        """Whether rows have segments, which attention must not cross; raises Unavailable for unreadable mixtures."""
        return any(key_of(entry).is_segmented for stage in self.stages for entry in stage.mixture)

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of one checkpoint."""
        return checkpoint_bytes(self.sections.architecture, self.sections.optimization, self.name)
