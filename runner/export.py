"""What a finished run leaves for other programs, proven to be the trained model before it gets its name.

The folder `export` of a run holds `merged` (all weights, for Transformers) and, from phase lora, `adapter` (for PEFT)
with the `base` that it belongs to. It is written under a hidden name, read again, and compared with what was trained
by its logits; only then sealed and renamed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from runner.data.loader import Batch
from runner.failure import ExitCode, Failure
from runner.job import EXPORT, sync
from runner.lora import merge_lora_params
from runner.mesh import batch_devices
from runner.parity import (
    Difference,
    Measure,
    Part,
    Probe,
    Report,
    Variables,
    check_parity,
    compare,
    measure_of,
    probe_of,
)
from runner.seal import seal
from runner.storage import PARTIAL, saving, storage_failures
from runner.weights import Layout, layout_of, read_adapter, read_model, write_adapter, write_model
from runner.weights._files import write_json
from runner.weights._layout import Array
from schema.footprint import Parameter, export_bytes, parameters
from schema.sections.export import Export
from schema.spec import Spec

NOTE = "lorarun.json"  # says, in each folder, what it is


@dataclass(frozen=True, slots=True)
class Trained:
    """What is exported: the variables of the trained model, what its run says of them, and ids of special tokens."""

    variables: Variables
    facts: Mapping[str, Any]
    special_tokens: Mapping[str, int]

    @property
    def has_adapters(self) -> bool:
        """Whether this is the end of a phase lora."""
        return "lora_A" in self.variables


def export_run(run_dir: Path, spec: Spec, mesh: jax.sharding.Mesh, trained: Trained, batch: Batch) -> Report:
    """Write what the section `export` asks for, and prove it on rows of a batch.

    Raises Failure EXPORT when it is not the trained model, STORAGE when it cannot be written. An export that was there
    stays until the new one is whole.
    """
    partial = run_dir / f"{PARTIAL}{EXPORT}"
    size = export_bytes(spec.architecture, spec.optimization.lora, spec.export, trained.has_adapters)
    work = _Export(
        partial,
        spec,
        mesh,
        trained,
        layout_of(spec.architecture),
        probe_of(batch, batch_devices(mesh)),
        measure_of(spec),
    )
    with saving(partial, "the export", size):
        shutil.rmtree(partial, ignore_errors=True)
        unchanged = work.write()
    try:
        report = work.prove(unchanged)
    except Failure:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    with saving(partial, "the export", size):
        for folder in partial.iterdir():
            write_json(folder / NOTE, {**trained.facts, "parity": asdict(report)})
        seal(partial, {name: trained.facts[name] for name in ("weights_digest", "base_digest", "export")})
        _install(partial, run_dir / EXPORT)
    return report


def wants_export(section: Export, has_adapters: bool) -> bool:
    """Whether the section `export` asks for anything of a run that ends with adapters, or without."""
    return section.merged or (section.adapter and has_adapters)


@dataclass(frozen=True, slots=True)
class _Export:
    """One export under way in `folder`."""

    folder: Path
    spec: Spec
    mesh: jax.sharding.Mesh
    trained: Trained
    layout: Layout
    probe: Probe
    measure: Measure

    def write(self) -> float | None:
        """Write all parts; return the share of adapted weights that merging left as they were in the base."""
        every, weights, unchanged = parameters(self.spec.architecture), _Weights(self.spec, self.trained), None
        if self.spec.export.merged:
            (self.folder / "merged").mkdir(parents=True)
            write_model(self.folder / "merged", self.layout, every, weights.merged, self._config())
            unchanged = weights.unchanged()
        if self.spec.export.adapter and self.trained.has_adapters:
            for name in ("base", "adapter"):
                (self.folder / name).mkdir(parents=True)
            adapted = self._adapted()
            tie = any(parameter.path == "wte/embedding" for parameter in adapted)
            untied = {"tie_word_embeddings": False} if tie else {}  # PEFT would merge both adapters into one table
            write_model(self.folder / "base", self.layout, every, weights.base, {**self._config(), **untied})
            sources = {"lora_A": weights.lora_a, "lora_B": weights.lora_b, "merged": weights.merged}
            write_adapter(self.folder / "adapter", self.layout, adapted, self.spec.optimization.lora, sources)
        return unchanged

    def prove(self, unchanged: float | None) -> Report:
        """Read every part again and compare it with the trained model. Raises Failure EXPORT, STORAGE."""
        trained, export, effect = self.trained.variables, self.spec.export, None
        if self.trained.has_adapters:
            effect = self._compare({"params": trained["params"]})
        parts = []
        if export.merged:
            parts.append(Part("merged", self._compare({"params": self._read("merged")}), unchanged))
        if export.adapter and self.trained.has_adapters:
            parts.append(Part("adapter", self._compare(self._read_with_adapters()), None))
        for part in parts:
            check_parity(part, effect, export.dtype, export.accept_lossy)
        return Report(tuple(parts), effect)

    def _compare(self, other: Variables) -> Difference:
        return compare(self.measure, self.mesh, self.probe, self.trained.variables, other)

    def _read(self, name: str) -> Any:
        """Read a model back onto the mesh, in float32."""
        with storage_failures(self.folder / name, "read"):
            found = read_model(self.folder / name, self.layout, parameters(self.spec.architecture))
            return self._like(self.trained.variables["params"], found)

    def _read_with_adapters(self) -> Variables:
        params = self._read("base")
        with storage_failures(self.folder / "adapter", "read"):
            found = dict(read_adapter(self.folder / "adapter", self.layout, self._adapted()))
        read: Variables = {"params": params}
        for side in ("lora_A", "lora_B"):
            read[side] = self._like(self.trained.variables[side], _below(side, found))
        if positions := _below("params/wpe", found):
            read["params"] = {**params, "wpe": self._like(params["wpe"], positions)}
        return read

    def _like(self, like: Any, found: Iterable[tuple[str, Array]]) -> Any:
        """Arrays by path as the tree `like`, each placed as its leaf there; None where nothing was found."""
        places = flax.traverse_util.flatten_dict(like, sep="/")
        read = {path: jax.device_put(array.astype(np.float32), places[path].sharding) for path, array in found}
        return flax.traverse_util.unflatten_dict({path: read.get(path) for path in places}, sep="/")

    def _adapted(self) -> tuple[Parameter, ...]:
        with_adapter = flax.traverse_util.flatten_dict(self.trained.variables["lora_A"], sep="/")
        return tuple(each for each in parameters(self.spec.architecture) if with_adapter.get(each.path) is not None)

    def _config(self) -> dict[str, Any]:
        return {"torch_dtype": self.spec.export.dtype, "bos_token_id": None, **self.trained.special_tokens}


class _Weights:
    """The trained weights on the host in the types of the export, one parameter of each kind at a time."""

    def __init__(self, spec: Spec, trained: Trained) -> None:
        self._spec, self._adapted, self._unchanged = spec, 0, 0
        self._flat = {kind: flax.traverse_util.flatten_dict(tree, sep="/") for kind, tree in trained.variables.items()}
        self._here: dict[str, tuple[str, Array]] = {}

    def base(self, path: str, layer: int | None) -> Array:
        """A weight without its adapter."""
        return self._part("base", path, layer, self._base)

    def merged(self, path: str, layer: int | None) -> Array:
        """A weight with its adapter, the sum in float32, rounded last."""
        return self._part("merged", path, layer, self._merge)

    def lora_a(self, path: str, layer: int | None) -> Array:
        """A of an adapter (in, rank)."""
        return self._part("lora_A", path, layer, lambda path: _finite(path, self._flat["lora_A"][path], "float32"))

    def lora_b(self, path: str, layer: int | None) -> Array:
        """B of an adapter (rank, out)."""
        return self._part("lora_B", path, layer, lambda path: _finite(path, self._flat["lora_B"][path], "float32"))

    def unchanged(self) -> float | None:
        """Share of the weights merged so far that rounding left as they were; None where none has an adapter."""
        return self._unchanged / self._adapted if self._adapted else None

    def _part(self, kind: str, path: str, layer: int | None, load: Callable[[str], Array]) -> Array:
        """One layer of a parameter, which is kept for its next layer."""
        if self._here.get(kind, ("",))[0] != path:
            self._here[kind] = path, load(path)
        whole = self._here[kind][1]
        return whole if layer is None else whole[layer]

    def _base(self, path: str) -> Array:
        return _finite(path, self._flat["params"][path], self._spec.export.dtype)

    def _merge(self, path: str) -> Array:
        a, lora = self._flat.get("lora_A", {}).get(path), self._spec.optimization.lora
        if a is None:
            return self._base(path)
        wide = self._flat["params"][path].astype(jnp.float32)
        merged = _finite(path, _merge(wide, a, self._flat["lora_B"][path], lora), self._spec.export.dtype)
        self._adapted += merged.size
        self._unchanged += int(np.sum(merged == self._base(path)))
        return merged


def _merge(w: jax.Array, a: jax.Array, b: jax.Array, lora: Any) -> jax.Array:
    (merged,) = merge_lora_params((w,), (a,), (b,), alpha=lora.alpha, rank=lora.rank, scaling=lora.scaling)
    return merged


def _finite(path: str, array: jax.Array, dtype: str) -> Array:
    """Bring a parameter to the host in another type. Raises Failure EXPORT where it is not finite there."""
    with np.errstate(over="ignore"):  # which shows in what comes out
        rounded = np.asarray(jax.device_get(array)).astype(jnp.dtype(dtype))
    if not np.isfinite(rounded).all():
        raise Failure(
            f"{path} is not finite in {dtype}; nothing is exported, see the losses of the run, and export/dtype, whose "
            "range may be too small",
            ExitCode.EXPORT,
        )
    return rounded


def _below(start: str, found: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """What lies below a path, by the rest of its path."""
    return [(path.removeprefix(f"{start}/"), array) for path, array in found.items() if path.startswith(f"{start}/")]


def _install(partial: Path, folder: Path) -> None:
    """Give a sealed export its name, in place of an older one. Raises OSError."""
    old = folder.with_name(f"{PARTIAL}{folder.name}-old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    partial.rename(folder)
    sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
