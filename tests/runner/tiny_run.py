"""A run small enough for tests: its spec, a trainer with the attributes that a transition needs, batches."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
from flax.training.train_state import TrainState
from jax.sharding import AxisType

from runner.lora.adapters import lora_scale
from runner.mesh import put_batch
from runner.models import Decoder, LoRAScale, build_model
from runner.state import Stream, create_full_state, stream_key
from runner.train.compiled import CompiledPhase, compile_phase
from schema.spec import Spec

ARCHITECTURE = {"n_layers": 2, "n_embd": 32, "n_head": 4, "vocab_size": 61, "block_size": 12}


@dataclass
class Trainer:
    """What `transition_to_lora` reads and replaces."""

    spec: SimpleNamespace
    mesh: jax.sharding.Mesh
    model: Decoder
    state: TrainState
    state_sharding: Any
    _in_lora_phase: bool = False


def make_spec(
    architecture: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    optimization: dict[str, Any] | None = None,
    lora: dict[str, Any] | None = None,
) -> Spec:
    """Build a spec with float32 activations and nothing to validate, which is a program less, unless told otherwise."""
    return Spec.model_validate(
        {
            "architecture": {**ARCHITECTURE, "dtype": {"activation": "float32"}, **(architecture or {})},
            "training": {"batch_size": 8, "validation": False, **(training or {})},
            "optimization": {**(optimization or {}), "lora": {"rank": 4, **(lora or {})}},
        }
    )


def one_device() -> jax.sharding.Mesh:
    return jax.make_mesh((1, 1, 1), ("data", "fsdp", "tensor"), (AxisType.Auto,) * 3, devices=jax.devices()[:1])


def model_of(spec: Spec) -> Decoder:
    lora = spec.optimization.lora
    return build_model(spec.architecture, LoRAScale(lora_scale(lora.alpha, lora.rank, lora.scaling), lora.dropout))


def in_float64(model: Decoder) -> Decoder:
    """The same model in a precision that no spec can ask for; see the fixture `float64`."""
    return model.clone(options=model.options._replace(param_dtype="float64", activation_dtype="float64"))


def start(spec: Spec, mesh: jax.sharding.Mesh | None = None) -> Trainer:
    """Create a trainer at the first step of phase full."""
    mesh = mesh or one_device()
    model = model_of(spec)
    state, sharding = create_full_state(model, spec, mesh)
    return Trainer(SimpleNamespace(spec=spec), mesh, model, state, sharding)


def random_batch(spec: Spec, seed: int) -> dict[str, np.ndarray]:
    """Random tokens under a ragged mask: row i supervises its first i + 1 positions, at most all."""
    rows, positions = spec.training.batch_size, spec.architecture.block_size
    tokens = np.random.default_rng(seed).integers(0, spec.architecture.vocab_size, (rows, positions + 1), np.int32)
    mask = np.arange(positions) <= np.arange(rows)[:, None]
    return {"tokens": tokens[:, :-1], "targets": tokens[:, 1:], "mask": mask.astype(np.float32)}


def train(trainer: Trainer, steps: int, micro_rows: int, rate: float = 1e-2) -> list[float]:
    """Compile the trainer's phase, train it, and return the losses."""
    spec = trainer.spec.spec
    phase = compile_phase(spec, trainer.mesh, trainer.state, micro_rows)
    return [float(metrics["loss"]) for metrics in steps_of(phase, trainer, steps, rate)]


def steps_of(phase: CompiledPhase, trainer: Trainer, steps: int, rate: float = 1e-2) -> list[dict[str, jax.Array]]:
    """Take steps over batches that are a function of the step's number."""
    key, taken = stream_key(trainer.spec.spec.training.seed, Stream.DROPOUT_FULL), []
    for step in range(steps):
        batch = put_batch(trainer.mesh, random_batch(trainer.spec.spec, step))
        trainer.state, metrics = phase.train(trainer.state, batch, rate, key)
        taken.append(metrics)
    return taken
