"""Plan: which step does what, on which rows, at which learning rate, in how many bytes. Values only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from schema.budget.draws import EntryBudget
from schema.budget.event_steps import EventSteps
from schema.budget.schedules import load_schedule
from schema.budget.stages import Phase
from schema.environment import TokenizerFacts

# What of a phase decides neither its rows nor its weights.
OF_MACHINE_AND_EVENTS = (
    *("bytes_per_device", "micro_batch_rows", "attention", "kernel_lost"),
    *("report_steps", "validation_steps", "checkpoint_steps"),
)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage: its steps in the whole run, both ends included.

    `tokens_asked` are of the unit of `Plan.budget`; `supervised_planned` are the supervised tokens of its rows where
    that is theirs. `ended_by` is the dataset that runs out, where that ends the stage before its budget does.
    """

    key: str
    first_step: int
    last_step: int
    steps: int
    tokens_asked: int
    tokens_planned: int
    mixture: tuple[EntryBudget, ...]
    supervised_planned: int | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class LearningRatePlan:
    """The rate of a phase's own schedule over its own steps."""

    schedule: str
    peak: float
    warmup_steps: int
    decay_steps: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class BytesPlan:
    """Bytes on one device and of one checkpoint; activations are of one micro-batch, or of one row."""

    parameters: int
    gradients: int
    optimizer: int
    base: int
    activations: int
    checkpoint: int


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase: its stages, its schedule and the steps at which something happens."""

    name: Phase
    first_step: int
    last_step: int
    steps: int
    tokens: int
    trainable_parameters: int
    frozen_parameters: int
    flops_per_step: int
    optimizer: str
    learning_rate: LearningRatePlan
    bytes_per_device: BytesPlan
    micro_batch_rows: int | None  # of a device; None where the machine chooses them, and is not known
    attention: Literal["xla", "cudnn"]  # the kernel on this platform
    kernel_lost: bool  # whether it would be cuDNN's, were there no segments
    stages: tuple[StagePlan, ...]
    report_steps: EventSteps
    validation_steps: EventSteps
    checkpoint_steps: EventSteps

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step of the whole run that lies in this phase."""
        rate = self.learning_rate
        schedule = load_schedule(rate.schedule)
        local = step - self.first_step
        return schedule.learning_rate(local, self.steps, rate.peak, rate.warmup_steps, rate.decay_steps)


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """One parameter that a target pattern matches; `parameters` counts A and B."""

    pattern: str
    path: str
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What is written at the end: folders of `export`, the type of their weights, bytes of all of them.

    `gguf` is the type of the file for llama.cpp, and `gguf_bytes` those of its tensors, which are among `bytes`.
    """

    folders: tuple[str, ...]
    dtype: str
    bytes: int
    gguf: str | None
    gguf_bytes: int


@dataclass(frozen=True, slots=True)
class TokenizerPlan:
    """The tokenizer, and what is known of it: `facts` is None where nobody looked at its files.

    `believed` are the datasets whose tokens another program wrote: nothing there says by which tokenizer.
    """

    backend: str
    name: str | None
    facts: TokenizerFacts | None
    believed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """How conversations become rows: `template` is chat/template, or whose own it is."""

    template: str
    train_on: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The contract between `plan` and `exec`.

    `budget` and `rates_by` are training/budget and data/rates_by. `unknown` says, a sentence each, what follows from
    token stores that are not made yet.
    """

    budget: str
    rates_by: str
    tokens_per_step: int
    steps: int
    tokens: int
    mesh: dict[str, int]
    tokenizer: TokenizerPlan
    chat: ChatPlan | None  # None where no dataset holds conversations
    phases: tuple[PhasePlan, ...]
    adapters: tuple[AdapterPlan, ...]
    unadapted: tuple[str, ...]
    init: str | None  # folder of the adapters that phase lora starts from
    export: ExportPlan
    unknown: tuple[str, ...]
    digest: str

    def to_json(self) -> str:
        """Serialise the whole plan; stable for equal specs, stores and device counts."""
        return json.dumps(asdict(self), indent=2, default=list)


def plan_digest(plan: Plan) -> str:
    """sha256 over what decides rows and weights.

    Left out are the mesh with its bytes and micro-batches, what is logged or exported, which stores exist, the
    tokenizer, the chat template and the adapters to start from: stores and adapters have digests of their own. A key
    that an older version did not have counts where it is not as that version was.
    """
    contract: dict[str, Any] = asdict(plan)
    for name in ("mesh", "tokenizer", "chat", "export", "init", "unknown", "digest"):
        del contract[name]
    for name, former in (("budget", "tokens"), ("rates_by", "rows")):
        if contract[name] == former:
            del contract[name]
    for phase in contract["phases"]:
        for name in OF_MACHINE_AND_EVENTS:
            del phase[name]
        for stage in phase["stages"]:
            del stage["supervised_planned"], stage["ended_by"]
            for entry in stage["mixture"]:
                del entry["epochs"], entry["stage_epochs"]
                if not entry["document_mask"]:  # as in plans of earlier versions
                    del entry["document_mask"]
    return hashlib.sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()
