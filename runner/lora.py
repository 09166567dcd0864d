"""Adapters: which parameters get them, their birth, their merging, and the change from phase full to phase lora.

The forward pass never merges: it adds (x @ A) @ B (`runner.models`). Merging is for export and tests.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training.train_state import TrainState
from flax.typing import Dtype

from runner.failure import ExitCode, Failure
from runner.mesh import state_sharding
from runner.models import Decoder
from runner.optimizers import build_optimizer
from runner.state import Stream, abstract, boxed_parameters, stream_key
from schema.spec import Spec

Scaling = Literal["standard", "rslora"]
NOT_MATRICES = ("scale", "bias")  # leaf names that stay without adapter even where layers stack them to two axes


class LoRATrainState(TrainState):
    """State of phase lora: `params` is {"lora_A", "lora_B"}, all the optimizer sees; `base_params` never change."""

    base_params: Any


class Execution(Protocol):
    """The part of `ExecutionSpec` that the transition reads."""

    @property
    def spec(self) -> Spec:
        """The spec of the run."""


class TwoPhaseTrainer(Protocol):
    """The attributes of a trainer that `transition_to_lora` reads and replaces."""

    @property
    def spec(self) -> Execution:
        """What the trainer was given."""

    mesh: jax.sharding.Mesh
    model: Decoder
    state: TrainState
    state_sharding: Any
    _in_lora_phase: bool


def param_filter(params: Any, target_modules: Sequence[str]) -> Any:
    """Return a tree of booleans, true where the leaf's path, as in blocks/attn/q_proj/kernel, contains a target."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: any(target in _written(path) for target in target_modules), params
    )


def inject_lora_params(params: Any, mask: Any, rank: int, key: jax.Array) -> tuple[Any, Any]:
    """Create (lora_A, lora_B) for the masked matrices of `params`; both are float32.

    A kernel (…, in, out) gets A (…, in, rank) from a normal distribution of standard deviation 1 / rank
    and B (…, rank, out) of zeros, so that the model is the same function at first. Every other leaf is
    None, norms and biases included whatever the mask says: no optimizer state is spent on them. Each A
    has its own key, derived from its path, so that one target more does not change the others. Only
    shapes of `params` are read; they may be abstract.
    """

    def born_a(path: Any, leaf: Any, masked: bool) -> jax.Array | None:
        if not masked or not _is_matrix(path, leaf):
            return None
        own_key = jax.random.fold_in(key, zlib.crc32(_written(path).encode()))
        return jax.random.normal(own_key, (*leaf.shape[:-1], rank), jnp.float32) / rank

    def born_b(path: Any, leaf: Any, masked: bool) -> jax.Array | None:
        if not masked or not _is_matrix(path, leaf):
            return None
        return jnp.zeros((*leaf.shape[:-2], rank, leaf.shape[-1]), jnp.float32)

    map_with_path = jax.tree_util.tree_map_with_path
    return map_with_path(born_a, params, mask), map_with_path(born_b, params, mask)


def merge_lora_params(
    base_params: Any,
    lora_A: Any,  # noqa: N803
    lora_B: Any,  # noqa: N803
    alpha: float,
    rank: int,
    scaling: Scaling = "standard",
) -> Any:
    """Return W + scale · A @ B for every matrix with an adapter, computed in float32 and cast to W's type last.

    The scale is alpha / rank unless `scaling` says otherwise; leaves without adapter are returned as they are.
    """
    scale = lora_scale(alpha, rank, scaling)

    def merge(w: jax.Array, a: jax.Array | None, b: jax.Array | None) -> jax.Array:
        if a is None or b is None:
            return w
        wide = jnp.promote_types(w.dtype, jnp.float32)
        delta = jnp.matmul(a.astype(wide), b.astype(wide), precision=jax.lax.Precision.HIGHEST)
        return (w.astype(wide) + scale * delta).astype(w.dtype)

    return jax.tree.map(merge, base_params, lora_A, lora_B)


def count_lora_params(lora_A: Any, lora_B: Any) -> int:  # noqa: N803
    """Count the scalars of all adapters."""
    return sum(leaf.size for leaf in jax.tree.leaves((lora_A, lora_B)))


def idle_adapters(lora_B: Any) -> list[str]:  # noqa: N803
    """Return the paths of the adapters whose B is all zero, so that they do nothing; a layer of a stack by number."""
    idle = []
    for path, leaf in jax.tree.leaves_with_path(lora_B):
        silent = jax.device_get(jnp.all(leaf == 0, axis=(-2, -1)))
        layers = [number for number, each in enumerate(silent.reshape(-1).tolist()) if each]
        if layers:
            name = _written(path)
            idle.append(name if len(layers) == silent.size else f"{name} of layers {', '.join(map(str, layers))}")
    return idle


def lora_scale(alpha: float, rank: int, scaling: Scaling = "standard") -> float:
    """Factor of A @ B: alpha / rank (Hu et al. 2021), or alpha / √rank for rslora (Kalajdzievski 2023)."""
    return alpha / (rank if scaling == "standard" else rank**0.5)


def freeze_base(params: Any, activation_dtype: Dtype) -> Any:
    """Cast matrices to the activation type and keep norms and biases.

    The forward pass of phase full casts them so before each product: the model stays the same function.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf.astype(activation_dtype) if _is_matrix(path, leaf) else leaf, params
    )


def transition_to_lora(trainer: TwoPhaseTrainer) -> None:
    """Freeze the trainer's parameters and replace its state by the first one of phase lora.

    Adapters and optimizer buffers are created on the devices that hold their part: A is split as its
    kernel's input axis is, B as the output axis. The arrays of the full state are deleted on the way.
    Updates `trainer.state`, `trainer.state_sharding`, `trainer._in_lora_phase`. Raises Failure INVALID
    when no parameter matches `optimization/lora/target_modules`.
    """
    spec = trainer.spec.spec
    boxed = lora_state_shape(trainer.model, spec)
    sharding = state_sharding(trainer.mesh, boxed)
    base = _freeze_and_release(trainer.state, spec.architecture.dtype.activation, sharding.base_params)
    shapes = nn.meta.unbox(boxed.base_params)
    optimizer = boxed.tx

    def create(key: jax.Array) -> LoRATrainState:
        adapters = _create_adapters(shapes, spec, key)
        state = LoRATrainState.create(apply_fn=trainer.model.apply, params=adapters, tx=optimizer, base_params=None)
        return state.replace(step=jnp.zeros((), jnp.int32))

    created = jax.jit(create, out_shardings=sharding.replace(base_params=None))
    trainer.state = created(stream_key(spec.training.seed, Stream.ADAPTERS)).replace(base_params=base)
    trainer.state_sharding = sharding
    trainer._in_lora_phase = True


def abstract_lora_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> LoRATrainState:
    """Return the state of phase lora as shapes, types and shardings; no parameters of phase full need exist."""
    state: LoRATrainState = abstract(mesh, lora_state_shape(model, spec))
    return state


def lora_state_shape(model: Decoder, spec: Spec) -> LoRATrainState:
    """Return the abstract state of phase lora, each array boxed with its logical axes."""
    optimizer = build_optimizer(spec.optimization)

    def build(key: jax.Array) -> LoRATrainState:
        boxed = boxed_parameters(model, key)
        plain = nn.meta.unbox(boxed)
        adapters = _create_adapters(plain, spec, key)
        names = jax.tree.map(lambda box: box.names, boxed, is_leaf=_is_box)
        frozen = freeze_base(plain, spec.architecture.dtype.activation)
        state = LoRATrainState.create(
            apply_fn=model.apply,
            params={
                "lora_A": _box(plain, names, adapters["lora_A"], lambda axes: (*axes[:-1], "rank")),
                "lora_B": _box(plain, names, adapters["lora_B"], lambda axes: (*axes[:-2], "rank", axes[-1])),
            },
            tx=optimizer,
            base_params=_box(plain, names, frozen, lambda axes: axes),
        )
        return state.replace(step=jnp.zeros((), jnp.int32))

    shape: LoRATrainState = jax.eval_shape(build, jax.random.key(0))
    return shape


def _create_adapters(params: Any, spec: Spec, key: jax.Array) -> dict[str, Any]:
    lora = spec.optimization.lora
    a, b = inject_lora_params(params, param_filter(params, lora.target_modules), lora.rank, key)
    if not jax.tree.leaves(a):
        raise Failure(
            f"optimization/lora/target_modules: {lora.target_modules} match no matrix of "
            f"{spec.architecture.family}; name parts of paths such as blocks/attn/q_proj/kernel",
            ExitCode.INVALID,
        )
    return {"lora_A": a, "lora_B": b}


def _freeze_and_release(state: TrainState, activation_dtype: Dtype, sharding: Any) -> Any:
    """Return the frozen base and delete every array of the state that is not part of it."""
    jax.tree.map(lambda leaf: leaf.delete(), state.opt_state)
    base = jax.jit(lambda params: freeze_base(params, activation_dtype), out_shardings=sharding)(state.params)
    kept = {id(leaf) for leaf in jax.tree.leaves(base)}  # what needs no cast may be handed through
    for leaf in jax.tree.leaves(state.params):
        if id(leaf) not in kept:
            leaf.delete()
    return base


def _box(params: Any, names: Any, leaves: Any, axes: Any) -> Any:
    """Box each leaf that is not None with axes derived from its parameter's."""

    def box(_: Any, own: tuple[str, ...], leaf: Any) -> Any:
        return None if leaf is None else nn.LogicallyPartitioned(leaf, axes(own))

    return jax.tree.map(box, params, names, leaves)


def _is_box(leaf: Any) -> bool:
    return isinstance(leaf, nn.meta.AxisMetadata)


def _is_matrix(path: Any, leaf: Any) -> bool:
    return leaf.ndim >= 2 and _written(path[-1:]) not in NOT_MATRICES


def _written(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
