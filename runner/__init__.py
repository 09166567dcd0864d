"""runner: plans and runs specs. The public names below are imported on first use, as most of them need jax."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.job import ExecutionSpec, RestoreableJob
    from runner.lora import (
        LoRATrainState,
        count_lora_params,
        inject_lora_params,
        merge_lora_params,
        param_filter,
        transition_to_lora,
    )
    from runner.lora_trainer import LoRATrainer
    from runner.plan import Plan, compile_plan
    from runner.trainer import BaseTrainer
    from schema.views import LoRAConfig, LoRATrainerConfig

__all__ = [
    "BaseTrainer",
    "ExecutionSpec",
    "LoRAConfig",
    "LoRATrainState",
    "LoRATrainer",
    "LoRATrainerConfig",
    "Plan",
    "RestoreableJob",
    "compile_plan",
    "count_lora_params",
    "inject_lora_params",
    "merge_lora_params",
    "param_filter",
    "transition_to_lora",
]

_HOMES = {
    "runner.job": ("ExecutionSpec", "RestoreableJob"),
    "runner.lora": (
        "LoRATrainState",
        "count_lora_params",
        "inject_lora_params",
        "merge_lora_params",
        "param_filter",
        "transition_to_lora",
    ),
    "runner.lora_trainer": ("LoRATrainer",),
    "runner.plan": ("Plan", "compile_plan"),
    "runner.trainer": ("BaseTrainer",),
    "schema.views": ("LoRAConfig", "LoRATrainerConfig"),
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'runner' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__
