"""Train both phases on one device and on a 2 × 2 × 2 mesh of eight; print what was found as JSON.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python -m tests.runner.eight_devices
"""

from __future__ import annotations

import json
from typing import Any

import jax
import numpy as np
import optax

from runner.lora.transition import transition_to_lora
from runner.mesh import build_mesh, logical_sharding
from schema.sections.mesh import Mesh
from tests.runner.tiny_run import Trainer, make_spec, one_device, start, train

STEPS = 8


def main() -> None:
    mesh = build_mesh(Mesh(data=2, fsdp=2, tensor=2))
    spec = make_spec(
        architecture={"vocab_size": 64, "n_kv_head": 2},
        training={"validation": True},
        lora={"target_modules": ["kernel", "wte"], "dropout": 0.0},
    )
    one, eight = start(spec, one_device()), start(spec, mesh)
    found: dict[str, Any] = {"odd_vocabulary": str(logical_sharding(mesh, ("vocab", "embed"), (61, 32)).spec)}
    first, second = (jax.tree.leaves(trainer.state.params) for trainer in (one, eight))
    found["same_start"] = all((np.asarray(x) == np.asarray(y)).all() for x, y in zip(first, second, strict=True))
    found["full"] = both(one, eight)
    for trainer in (one, eight):
        transition_to_lora(trainer)
    found["lora"] = both(one, eight) | {"base": placed(eight.state.base_params)}
    print(json.dumps(found))


def both(one: Trainer, eight: Trainer) -> dict[str, Any]:
    """Train one phase on both."""
    losses = {"one": train(one, STEPS, micro_rows=4, rate=1e-3), "eight": train(eight, STEPS, micro_rows=1, rate=1e-3)}
    (adam,) = (part for part in eight.state.opt_state if isinstance(part, optax.ScaleByAdamState))
    parts = {path: list(leaf.sharding.shard_shape(leaf.shape)) for path, leaf in by_path(eight.state.params).items()}
    buffers = {"mu": placed(adam.mu), "nu": placed(adam.nu)}
    return losses | {"params": placed(eight.state.params), "buffers": buffers, "parts": parts}


def placed(tree: Any) -> dict[str, str]:
    return {path: str(leaf.sharding.spec).replace("PartitionSpec", "P") for path, leaf in by_path(tree).items()}


def by_path(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


if __name__ == "__main__":
    main()
