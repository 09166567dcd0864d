"""The trained weights on the host, one layer at a time: without adapters, with adapters merged, and the adapters.

A layer is copied from the devices as it is and merged on the host. Neither needs room for a second model, at any depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from runner.failure import ExitCode, Failure
from runner.lora.adapters import lora_scale

Array = npt.NDArray[Any]


class HostWeights:
    """Weights of `variables` rounded to `dtype`; `base`, `merged`, `lora_a`, `lora_b` are each a huggingface `Source`.

    `lora` is the section `optimization/lora`. Each raises Failure EXPORT for a weight that is not finite in its type.
    """

    def __init__(self, variables: Mapping[str, Any], lora: Any, dtype: str) -> None:
        self._flat = {kind: flax.traverse_util.flatten_dict(tree, sep="/") for kind, tree in variables.items()}
        self._scale, self._dtype = lora_scale(lora.alpha, lora.rank, lora.scaling), dtype
        self._adapted = self._unchanged = 0

    def base(self, path: str, layer: int | None) -> Array:
        """Return a weight without its adapter."""
        return _finite(path, self._layer("params", path, layer), self._dtype)

    def merged(self, path: str, layer: int | None) -> Array:
        """Return a weight with its adapter, as `merge_lora_params` does: summed in float32, rounded last."""
        if self._flat.get("lora_A", {}).get(path) is None:
            return self.base(path, layer)
        w, a, b = (self._layer(kind, path, layer) for kind in ("params", "lora_A", "lora_B"))
        # W (in, out) + scale · A (in, r) @ B (r, out), in float32: in 16 bits the sum would lose what B adds.
        merged = _finite(path, w.astype(np.float32) + np.float32(self._scale) * (a @ b), self._dtype)
        self._adapted += merged.size
        self._unchanged += int(np.sum(merged == w.astype(merged.dtype)))
        return merged

    def lora_a(self, path: str, layer: int | None) -> Array:
        """Return A (in, r) of an adapter in float32."""
        return _finite(path, self._layer("lora_A", path, layer), "float32")

    def lora_b(self, path: str, layer: int | None) -> Array:
        """Return B (r, out) of an adapter in float32."""
        return _finite(path, self._layer("lora_B", path, layer), "float32")

    def unchanged(self) -> float | None:
        """Return the share of the weights merged so far that rounding left unchanged; None without adapters."""
        return self._unchanged / self._adapted if self._adapted else None

    def _layer(self, kind: str, path: str, layer: int | None) -> Array:
        whole = self._flat[kind][path]
        found: Array = np.asarray(jax.device_get(whole if layer is None else _take(whole, layer)))
        return found


@jax.jit
def _take(stack: jax.Array, layer: Any) -> jax.Array:
    """Return a layer (in, out) of a stack (l, in, out); its number is an argument: all layers share one program."""
    return jax.lax.dynamic_index_in_dim(stack, layer, keepdims=False)


def _finite(path: str, array: Array, dtype: str) -> Array:
    """Cast a parameter to another type. Raises Failure EXPORT where it is not finite in that type."""
    with np.errstate(over="ignore"):  # an overflow is inf in the result, which the next check finds
        rounded = array.astype(jnp.dtype(dtype))
    if not np.isfinite(rounded).all():
        raise Failure(
            f"{path} is not finite in {dtype}; nothing is exported, see the losses of the run, and export/dtype, whose "
            "range may be too small",
            ExitCode.EXPORT,
        )
    return rounded
