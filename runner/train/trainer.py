"""What every trainer holds: its plan, mesh and model, and the state and progress that a step replaces.

The order of events stands in `runner.train.loop`.
"""

from __future__ import annotations

from typing import Any

import jax
from flax.training.train_state import TrainState
from rich.console import Console

from runner.checkpoint.manifest import Manifest
from runner.checkpoint.progress import Progress
from runner.environment import known_data
from runner.lora.adapters import lora_scale
from runner.mesh import build_mesh
from runner.metrics.console import RunConsole
from runner.models import Decoder, LoRAScale, build_model
from runner.plan.compile import compile_plan
from runner.run.execution import ExecutionSpec, RestoreableJob
from runner.train.compiled import device_memory
from schema.budget.activations import attention_kernel
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
        data = known_data(spec.spec, device_memory(), jax.default_backend())
        self.plan = compile_plan(spec.spec, jax.device_count(), data)
        self.model = model_of(spec.spec)
        self.progress = Progress(self.plan.phases[0].name)
        self.restored: Manifest | None = None
        self._in_lora_phase = False


def saved_part(state: TrainState) -> dict[str, Any]:
    """The part of a state that a checkpoint holds: what is trained, its optimizer, the phase's step."""
    return {"params": state.params, "opt_state": state.opt_state, "step": state.step}


def model_of(spec: Spec) -> Decoder:
    """Build the model of both phases; adapters act where a state has them."""
    lora = spec.optimization.lora
    scale = LoRAScale(lora_scale(lora.alpha, lora.rank, lora.scaling), lora.dropout)
    return build_model(spec.architecture, scale, attention_kernel(spec.architecture, jax.default_backend()))
