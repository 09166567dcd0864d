"""What every trainer holds: its plan, mesh and model, and the state and progress that a step replaces.

The order of events stands in `runner.train.loop`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jax
from flax.training.train_state import TrainState
from rich.console import Console

from runner.checkpoint.manifest import Manifest, trained_on
from runner.checkpoint.progress import Progress
from runner.data.catalog import Catalog, open_catalog, refuse_repeats
from runner.environment import known_data
from runner.lora.adapters import lora_scale
from runner.mesh import build_mesh
from runner.metrics.console import ConsolePreparation, RunConsole
from runner.models import Decoder, LoRAScale, build_model
from runner.plan.compile import compile_plan
from runner.plan.plan import Plan
from runner.run.execution import ExecutionSpec, RestoreableJob
from runner.train.compiled import device_memory
from schema.budget.activations import attention_kernel
from schema.budget.budget import budget_of
from schema.environment import Environment
from schema.spec import Spec


class BaseTrainer(RestoreableJob):
    """Trains the phases of a plan on a mesh; there is a `state` once it is created or restored.

    `progress` is how far the run has come; `restored` describes the checkpoint that it was restored from, if any.
    """

    state: TrainState
    state_sharding: Any

    def __init__(self, spec: ExecutionSpec, console: Console | None = None) -> None:
        self.spec = spec
        self.console = console or RunConsole()
        self.mesh = build_mesh(spec.spec.mesh)
        self.model = model_of(spec.spec)
        self.progress = Progress(budget_of(spec.spec, Environment()).asked[0].phase)
        self.restored: Manifest | None = None
        self._in_lora_phase = False

    @cached_property
    def plan(self) -> Plan:
        """What is trained; where that follows from token stores, they are made first."""
        spec = self.spec.spec
        reads_stores = budget_of(spec, Environment()).terms.reads_stores
        if reads_stores:
            self.catalog = self._open_catalog(None)
        plan = compile_plan(spec, jax.device_count(), known_data(spec, device_memory(), jax.default_backend()))
        if reads_stores:
            refuse_repeats(plan, self.catalog)
        return plan

    @cached_property
    def catalog(self) -> Catalog:
        """The datasets, prepared or opened."""
        return self._open_catalog(self.plan)

    def _open_catalog(self, plan: Plan | None) -> Catalog:
        """Prepare or open every dataset, and check them against the plan, if there is one already."""
        return open_catalog(self.spec.spec, plan, ConsolePreparation(self.console), trained_on(self.spec.run_dir))


def saved_part(state: TrainState) -> dict[str, Any]:
    """The part of a state that a checkpoint holds: what is trained, its optimizer, the phase's step."""
    return {"params": state.params, "opt_state": state.opt_state, "step": state.step}


def model_of(spec: Spec) -> Decoder:
    """Build the model of both phases; adapters act where a state has them."""
    lora = spec.optimization.lora
    scale = LoRAScale(lora_scale(lora.alpha, lora.rank, lora.scaling), lora.dropout)
    return build_model(spec.architecture, scale, attention_kernel(spec.architecture, jax.default_backend()))
