"""The state of phase lora: adapters and their optimizer over a frozen base; its shapes and shardings."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.training.train_state import TrainState

from runner.failure import ExitCode, Failure
from runner.lora.adapters import freeze_base, inject_lora_params, param_filter
from runner.models import Decoder
from runner.optimizers import build_optimizer
from runner.state import abstract, boxed_slots, declared_parameters
from schema.spec import Spec


class LoRATrainState(TrainState):
    """State of phase lora: `params` is {"lora_A", "lora_B"}, which the optimizer updates; `base_params` is frozen."""

    base_params: Any


def abstract_lora_state(model: Decoder, spec: Spec, mesh: jax.sharding.Mesh) -> LoRATrainState:
    """Return the state of phase lora as shapes, types and shardings; the parameters of phase full need not exist."""
    state: LoRATrainState = abstract(mesh, lora_state_shape(model, spec))
    return state


def abstract_weights(params: Any, spec: Spec) -> tuple[Any, Any]:
    """Return base and adapters of a phase lora over `params`, abstract with shardings; the adapters on every device."""
    base, adapters = jax.eval_shape(
        # Shapes alone are computed, which are the same for every key.
        lambda params: (
            freeze_base(params, spec.architecture.dtype.activation),
            create_adapters(params, spec, jax.random.key(0)),
        ),
        params,
    )
    mesh = jax.tree.leaves(params)[0].sharding.mesh
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    return (
        jax.tree.map(lambda leaf, like: _placed(leaf, like.sharding), base, params),
        jax.tree.map(lambda leaf: _placed(leaf, everywhere), adapters),
    )


def _placed(leaf: Any, sharding: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def lora_state_shape(model: Decoder, spec: Spec) -> LoRATrainState:
    """Return the abstract state of phase lora, each array boxed with its logical axes."""
    optimizer = build_optimizer(spec.optimization, "lora")

    def build(boxed: Any, key: jax.Array) -> LoRATrainState:
        plain = nn.meta.unbox(boxed)
        adapters = create_adapters(plain, spec, key)
        # Each parameter's logical axes: ("layers", "embed", "heads") for a stack of kernels (l, d, h · head).
        names = jax.tree.map(lambda box: box.names, boxed, is_leaf=_is_box)
        frozen = freeze_base(plain, spec.architecture.dtype.activation)
        # A (…, in, r) is split along in as its kernel is, B (…, r, out) along out; r is short and stays whole.
        trained = {
            "lora_A": _box(plain, names, adapters["lora_A"], lambda axes: (*axes[:-1], "rank")),
            "lora_B": _box(plain, names, adapters["lora_B"], lambda axes: (*axes[:-2], "rank", axes[-1])),
        }
        base = _box(plain, names, frozen, lambda axes: axes)
        state = LoRATrainState.create(apply_fn=model.apply, params=adapters, tx=optimizer, base_params=base)
        slots = boxed_slots(state.opt_state, trained, spec.optimization, "lora")
        return state.replace(step=jnp.zeros((), jnp.int32), params=trained, opt_state=slots)

    shape: LoRATrainState = jax.eval_shape(build, declared_parameters(spec), jax.random.key(0))
    return shape


def create_adapters(params: Any, spec: Spec, key: jax.Array) -> dict[str, Any]:
    """Create the adapters that a spec asks for. Raises Failure INVALID when its targets match no matrix."""
    lora = spec.optimization.lora
    a, b = inject_lora_params(params, param_filter(params, lora.target_modules), lora.rank, key)
    if not jax.tree.leaves(a):
        raise Failure(
            f"optimization/lora/target_modules: {lora.target_modules} match no matrix of "
            f"{spec.architecture.family}; name parts of paths such as blocks/attn/q_proj/kernel",
            ExitCode.INVALID,
        )
    return {"lora_A": a, "lora_B": b}


def _box(params: Any, names: Any, leaves: Any, axes: Any) -> Any:
    """Box each leaf that is not None with axes derived from its parameter's."""

    def box(_: Any, own: tuple[str, ...], leaf: Any) -> Any:
        return None if leaf is None else nn.LogicallyPartitioned(leaf, axes(own))

    return jax.tree.map(box, params, names, leaves)


def _is_box(leaf: Any) -> bool:
    return isinstance(leaf, nn.meta.AxisMetadata)
