"""What a source of weights is; nothing here knows a kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class WeightSource(Protocol):
    """Weights that a new run may start from. Each of its bytes is verified once, when it is first asked for them."""

    @property
    def path(self) -> Path:
        """Where the weights lie: a path that names them and no others. Raises Failure STORAGE when they are damaged."""

    def describe(self) -> Mapping[str, Any]:
        """Return the keys of `architecture` that the weights have, and their values; reads no weights.

        Raises Failure STORAGE when that cannot be read.
        """

    def identity(self) -> str:
        """Return a digest that other weights do not have. Raises Failure STORAGE when they are damaged."""

    def verify(self, most_bytes: int) -> None:
        """Raise Failure as `identity` does, as far as reading at most so many bytes of weights shows."""

    def facts(self) -> Mapping[str, Any]:
        """Return what a run notes of them beside path and digest, as JSON; `is_noted` reads it.

        Raises Failure STORAGE when they are damaged.
        """

    def is_noted(self, noted: Mapping[str, Any]) -> bool:
        """Whether these are the weights that a run noted. Raises Failure STORAGE when they are damaged."""

    def remarks(self) -> list[str]:
        """Say what of the path was left out, and why."""

    def origin(self) -> Mapping[str, Any]:
        """Return what an export keeps of the model that the weights come from; empty where it is none of others.

        Its `config.json` and its `generation_config.json`, where it has one. Raises Failure STORAGE, INVALID when a
        file can't be read.
        """

    def load(self, shape: Any) -> Any:
        """Read the parameters into the shapes, types and shardings of `shape`, a pytree of `jax.ShapeDtypeStruct`.

        Raises Failure STORAGE when they are damaged or gone.
        """
