"""The trained weights on the host, one layer at a time: without adapters, with them merged, and the adapters.

A layer is copied from the devices as it is and merged on the host, so that neither needs room for a second model,
however deep it is.
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
    """Weights of `variables` rounded to `dtype`; each of them is a `Source` of `runner.huggingface`.

    `lora` is the section `optimization/lora`. All raise Failure EXPORT for a weight that is not finite in its type.
    """

    def __init__(self, variables: Mapping[str, Any], lora: Any, dtype: str) -> None:
        self._flat = {kind: flax.traverse_util.flatten_dict(tree, sep="/") for kind, tree in variables.items()}
        self._scale, self._dtype = lora_scale(lora.alpha, lora.rank, lora.scaling), dtype
        self._adapted = self._unchanged = 0

    def base(self, path: str, layer: int | None) -> Array:
        """A weight without its adapter."""
        return _finite(path, self._layer("params", path, layer), self._dtype)

    def merged(self, path: str, layer: int | None) -> Array:
        """A weight with its adapter: what `merge_lora_params` returns, the sum in float32, rounded last."""
        if self._flat.get("lora_A", {}).get(path) is None:
            return self.base(path, layer)
        w, a, b = (self._layer(kind, path, layer) for kind in ("params", "lora_A", "lora_B"))
        # W (in, out) + scale · A (in, rank) @ B (rank, out), in float32: in 16 bits the sum would lose what B adds.
        merged = _finite(path, w.astype(np.float32) + np.float32(self._scale) * (a @ b), self._dtype)
        self._adapted += merged.size
        self._unchanged += int(np.sum(merged == w.astype(merged.dtype)))
        return merged

    def lora_a(self, path: str, layer: int | None) -> Array:
        """A of an adapter (in, rank) in float32."""
        return _finite(path, self._layer("lora_A", path, layer), "float32")

    def lora_b(self, path: str, layer: int | None) -> Array:
        """B of an adapter (rank, out) in float32."""
        return _finite(path, self._layer("lora_B", path, layer), "float32")

    def unchanged(self) -> float | None:
        """Share of the weights merged so far that rounding left as they were; None where none has an adapter."""
        return self._unchanged / self._adapted if self._adapted else None

    def _layer(self, kind: str, path: str, layer: int | None) -> Array:
        whole = self._flat[kind][path]
        found: Array = np.asarray(jax.device_get(whole if layer is None else _take(whole, layer)))
        return found


@jax.jit
def _take(stack: jax.Array, layer: Any) -> jax.Array:
    """One layer of a stack; its number is an argument, so that all layers share one program."""
    return jax.lax.dynamic_index_in_dim(stack, layer, keepdims=False)


def _finite(path: str, array: Array, dtype: str) -> Array:
    """Bring a parameter into another type. Raises Failure EXPORT where it is not finite in that type."""
    with np.errstate(over="ignore"):  # which shows in what comes out
        rounded = array.astype(jnp.dtype(dtype))
    if not np.isfinite(rounded).all():
        raise Failure(
            f"{path} is not finite in {dtype}; nothing is exported, see the losses of the run, and export/dtype, whose "
            "range may be too small",
            ExitCode.EXPORT,
        )
    return rounded
