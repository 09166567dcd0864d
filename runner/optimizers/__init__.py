"""Optimizers, one kind a module: `build(optimization)` gives descent directions without a learning rate.

Clipping, weight decay and the sign are the same for all. The step multiplies by the learning rate, which the host reads
from the schedule.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import jax
import optax

from schema.families import is_matrix
from schema.optimizers import optimizer_of
from schema.sections.optimization import Optimization


def build_optimizer(optimization: Optimization, phase: Literal["full", "lora"]) -> optax.GradientTransformation:
    """Build the optimizer of a phase: clipping by global norm, the kind's direction, weight decay.

    An update is −(direction + weight_decay · w), to be multiplied by the learning rate. Adapters are stored
    under their matrix's name and decay like it; norms and biases do not decay.
    """
    o = optimization
    kind = import_module(f"runner.optimizers.{optimizer_of(o, phase)}")
    # In this order: the kind's moments see clipped gradients, and decay is added after them, so that they do not scale
    # it (decoupled, Loshchilov and Hutter 2019).
    return optax.chain(
        *([] if o.grad_clip is None else [optax.clip_by_global_norm(o.grad_clip)]),
        kind.build(o),
        optax.add_decayed_weights(o.weight_decay, mask=is_decayed),
        optax.scale(-1.0),
    )


def is_decayed(params: Any) -> Any:
    """Map each leaf of a tree of parameters to whether it decays."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: is_matrix(jax.tree_util.keystr(path, simple=True, separator="/")), params
    )
