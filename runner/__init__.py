"""runner: plans and runs specs. The public names below are imported on first use, as most of them need jax."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.export.pretrained import save_pretrained
    from runner.generation.decode import generate
    from runner.generation.sampling import SamplingParams
    from runner.lora.adapters import count_lora_params, inject_lora_params, merge_lora_params, param_filter
    from runner.lora.state import LoRATrainState
    from runner.lora.transition import transition_to_lora
    from runner.plan.compile import compile_plan
    from runner.plan.plan import Plan
    from runner.run.execution import ExecutionSpec, RestoreableJob
    from runner.train.lora_trainer import LoRATrainer
    from runner.train.trainer import BaseTrainer
    from runner.weights.pretrained import load_pretrained
    from schema.config import LoRAConfig, LoRATrainerConfig

__all__ = [
    "BaseTrainer",
    "ExecutionSpec",
    "LoRAConfig",
    "LoRATrainState",
    "LoRATrainer",
    "LoRATrainerConfig",
    "Plan",
    "RestoreableJob",
    "SamplingParams",
    "compile_plan",
    "count_lora_params",
    "generate",
    "inject_lora_params",
    "load_pretrained",
    "merge_lora_params",
    "param_filter",
    "save_pretrained",
    "transition_to_lora",
]

_HOMES = {
    "runner.export.pretrained": ("save_pretrained",),
    "runner.generation.decode": ("generate",),
    "runner.generation.sampling": ("SamplingParams",),
    "runner.lora.adapters": ("count_lora_params", "inject_lora_params", "merge_lora_params", "param_filter"),
    "runner.lora.state": ("LoRATrainState",),
    "runner.lora.transition": ("transition_to_lora",),
    "runner.plan.compile": ("compile_plan",),
    "runner.plan.plan": ("Plan",),
    "runner.run.execution": ("ExecutionSpec", "RestoreableJob"),
    "runner.train.lora_trainer": ("LoRATrainer",),
    "runner.train.trainer": ("BaseTrainer",),
    "runner.weights.pretrained": ("load_pretrained",),
    "schema.config": ("LoRAConfig", "LoRATrainerConfig"),
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    for module, names in _HOMES.items():
        if name in names:
            try:
                return getattr(import_module(module), name)
            except ImportError as error:
                if str(error.name).partition(".")[0] != "schema":
                    raise
                raise ImportError(
                    f"{error}: the package 'schema' is not lorarun's own, but of another distribution; install lorarun "
                    "in a fresh environment"
                ) from error
    raise AttributeError(f"module 'runner' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__
