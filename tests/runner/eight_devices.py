"""Train both phases of a pretrained model on one device and on a 2 × 2 × 2 mesh; print what was found as JSON.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python -m tests.runner.eight_devices
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import numpy as np
import optax

from runner.lora.transition import transition_to_lora
from runner.mesh import build_mesh, logical_sharding
from runner.state import abstract_full_state
from runner.weights.huggingface import HuggingFaceWeights
from schema.families import architecture_of
from schema.sections.mesh import Mesh
from tests.runner.tiny_run import Trainer, make_spec, one_device, start, train
from tests.runner.weights.model_folders import QWEN3, write_folder

STEPS = 8
CONFIG = QWEN3 | {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "tie_word_embeddings": False,
}


def main() -> None:
    mesh = build_mesh(Mesh(data=2, fsdp=2, tensor=2))
    spec = make_spec(
        architecture=architecture_of(CONFIG),
        training={"validation": True},
        lora={"target_modules": ["kernel", "wte"], "dropout": 0.0},
    )
    one, eight = start(spec, one_device()), start(spec, mesh)
    found: dict[str, Any] = {"odd_vocabulary": str(logical_sharding(mesh, ("vocab", "embed"), (61, 32)).spec)}
    found["same_start"] = same(one, eight)
    with TemporaryDirectory() as folder:
        weights = HuggingFaceWeights.find(write_folder(Path(folder) / "model", CONFIG, shards=2))
        assert weights is not None
        for trainer in (one, eight):
            shape = abstract_full_state(trainer.model, spec, trainer.mesh)
            trainer.state = trainer.state.replace(params=weights.load(shape.params))
    found["same_weights"] = same(one, eight)
    found["weights"] = placed(eight.state.params)
    found["device_bytes"] = {str(device): 0 for device in jax.devices()}
    for part in (part for leaf in jax.tree.leaves(eight.state.params) for part in leaf.addressable_shards):
        found["device_bytes"][str(part.device)] += part.data.nbytes
    found["full"] = both(one, eight)
    for trainer in (one, eight):
        transition_to_lora(trainer)
    found["lora"] = both(one, eight) | {"base": placed(eight.state.base_params)}
    print(json.dumps(found))


def same(one: Trainer, other: Trainer) -> bool:
    """Whether two trainers have the same parameters, bit for bit."""
    pairs = zip(*(jax.tree.leaves(trainer.state.params) for trainer in (one, other)), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


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
