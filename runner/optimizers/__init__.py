"""Optimizers, one kind a module: `build(optimization)` gives descent directions without a learning rate.

The step multiplies them by the rate, a number that the host takes from the schedule.
"""

from __future__ import annotations

from importlib import import_module

import optax

from schema.sections.optimization import Optimization


def build_optimizer(optimization: Optimization) -> optax.GradientTransformation:
    """Build the optimizer that `optimization/optimizer` names; each phase starts one afresh."""
    built: optax.GradientTransformation = import_module(f"runner.optimizers.{optimization.optimizer}").build(
        optimization
    )
    return built
