"""Weights of another run: those of its newest intact checkpoint, or of the one that is named."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.checkpoint.intact import Intact, newest_intact
from runner.failure import ExitCode, Failure
from runner.files.folder import bytes_below
from runner.run.identity import spec_of
from runner.run.layout import BASE, CHECKPOINTS, checkpoints_of
from runner.run.record import origin_of


class RunWeights:
    """The parameters of a checkpoint; those of phase lora with the adapters merged into them."""

    def __init__(self, named: Path, run_dir: Path) -> None:
        self._named, self._run_dir = named, run_dir

    @classmethod
    def find(cls, named: Path) -> RunWeights | None:
        """Return the weights that a run directory or a checkpoint holds; None where the path is neither."""
        found = checkpoints_of(named.absolute())
        return cls(named, found[0].parent.parent) if found else None

    @property
    def path(self) -> Path:
        """The folder of the checkpoint."""
        return self._checkpoint.path

    def describe(self) -> Mapping[str, Any]:
        """The architecture of the run."""
        architecture: Mapping[str, Any] = spec_of(self._run_dir)["architecture"]
        return architecture

    def identity(self) -> str:
        """The digest of the checkpoint's manifest, which holds the digests of its files and of its base."""
        return self._checkpoint.sealed.digest

    def verify(self, most_bytes: int) -> None:
        """Verify the newest checkpoints until one is intact, where the run has at most so many bytes of them."""
        if bytes_below(self._run_dir / CHECKPOINTS) + bytes_below(self._run_dir / BASE) <= most_bytes:
            _ = self._checkpoint

    def facts(self) -> Mapping[str, Any]:
        """Nothing: the manifest says all."""
        return {}

    def is_noted(self, noted: Mapping[str, Any]) -> bool:
        """Whether the digest is the one that was noted."""
        return self.identity() == noted["digest"]

    def remarks(self) -> list[str]:
        """Say which newer checkpoints are not intact."""
        return [f"passed over: {reason}" for reason in self._newest[1].values()]

    def origin(self) -> Mapping[str, Any]:
        """What the run itself noted of a model that it began with."""
        return origin_of(self._run_dir)

    def load(self, shape: Any) -> Any:
        """Read the parameters onto the mesh; adapters of phase lora are merged into the base in the types of `shape`.

        Raises Failure STORAGE when they are damaged, or were pruned by their run meanwhile.
        """
        import jax

        from runner.checkpoint.restore import restore_tree
        from runner.lora.adapters import merge_lora_params
        from runner.lora.state import abstract_weights
        from schema.spec import Spec

        checkpoint = self._checkpoint
        if not checkpoint.path.exists():  # the source run may still train, and prunes
            raise Failure(
                f"{checkpoint.path} has just been removed by its run; run the same command again", ExitCode.STORAGE
            )
        if checkpoint.base is None:
            return restore_tree(checkpoint.sealed, {"params": shape})["params"]
        spec = Spec.model_validate(spec_of(self._run_dir))
        lora = spec.optimization.lora
        base_shape, adapter_shape = abstract_weights(shape, spec)
        base = restore_tree(checkpoint.base, base_shape)
        adapters = restore_tree(checkpoint.sealed, {"params": adapter_shape})["params"]

        def merge(base: Any, adapters: Any) -> Any:
            wide = jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), base, shape)
            return merge_lora_params(wide, **adapters, alpha=lora.alpha, rank=lora.rank, scaling=lora.scaling)

        return jax.jit(merge, out_shardings=jax.tree.map(lambda leaf: leaf.sharding, shape))(base, adapters)

    @property
    def _checkpoint(self) -> Intact:
        intact, damaged = self._newest
        if intact is None:
            raise Failure(f"{self._named} holds no intact checkpoint: {', '.join(damaged.values())}", ExitCode.STORAGE)
        return intact

    @cached_property
    def _newest(self) -> tuple[Intact | None, dict[Path, str]]:
        return newest_intact(self._named.absolute())
