"""What a finished run leaves for other programs, proven to be the trained model before it gets its name.

The folder `export` of a run holds `merged` (all weights, for Transformers) and, from phase lora, `adapter` (for PEFT)
with the `base` that it belongs to; `gguf` holds one file for llama.cpp. It is written under a hidden name, read again,
and compared with what was trained by its logits; only then sealed and renamed.

The proof takes little memory of the devices for `adapter`, whose base is read back as the very numbers that are there
already, and a second model for `merged` and `gguf`, one part at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax

from runner.data.loader import Batch
from runner.export.adapter_readme import NAME as README
from runner.export.adapter_readme import adapter_readme
from runner.export.base_name import base_name
from runner.export.configs import ADAPTER, BASE, check_configs, model_config, trained_template, write_texts
from runner.export.parity import (
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
from runner.failure import ExitCode, Failure
from runner.files.errors import saving, storage_failures
from runner.files.folder import begin, commit, hidden
from runner.files.seal import seal
from runner.huggingface import adapter_config, read_adapter, read_model, write_adapter, write_model
from runner.huggingface.adapter_import import import_adapter
from runner.huggingface.arrays import Array, Source, is_same
from runner.huggingface.tensors import write_json
from runner.huggingface.tokenizer import same_tokenizer
from runner.lora.on_host import HostWeights
from runner.mesh import batch_devices
from runner.run.layout import EXPORT, NOTE
from schema.budget.bytes import export_bytes
from schema.families import GgufKind, HuggingFace, Parameter, load_family, parameters
from schema.sections.export import Export
from schema.spec import Spec


@dataclass(frozen=True, slots=True)
class Trained:
    """What is exported: the variables of the trained model, what its run says of them, and its tokenizer.

    `special_tokens` are ids by Hugging Face's names, `tokenizer` is the fingerprint of what made the data, and `origin`
    holds the configs of the model of others that the weights come from, if any.
    """

    variables: Variables
    facts: Mapping[str, Any]
    special_tokens: Mapping[str, int | None]
    tokenizer: str
    origin: Mapping[str, Any]

    @property
    def has_adapters(self) -> bool:
        """Whether this is the end of a phase lora."""
        return "lora_A" in self.variables


def export_run(run_dir: Path, spec: Spec, mesh: jax.sharding.Mesh, trained: Trained, batch: Batch) -> Report:
    """Write what the section `export` asks for, and prove it on rows of a batch.

    Raises Failure EXPORT when it is not the trained model, STORAGE when it cannot be written. An export that was there
    stays until the new one is whole.
    """
    staged = hidden(run_dir / EXPORT)
    size = export_bytes(spec.architecture, spec.optimization.lora, spec.export, trained.has_adapters)
    work = _Export(
        staged,
        spec,
        mesh,
        trained,
        load_family(spec.architecture.family).hugging_face(spec.architecture),
        probe_of(batch, batch_devices(mesh)),
        measure_of(spec),
    )
    with saving(staged, "the export", size):
        begin(staged)
        unchanged = work.write()
    try:
        with _enough_memory(spec):
            report = work.prove(unchanged)
    except Failure:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    with saving(staged, "the export", size):
        for folder in staged.iterdir():
            write_json(folder / NOTE, {**trained.facts, "parity": asdict(report)})
        seal(staged, {name: trained.facts[name] for name in ("weights_digest", "base_digest", "export")})
        commit(staged, run_dir / EXPORT)
    return report


def wants_export(section: Export, has_adapters: bool) -> bool:
    """Whether the section `export` asks for anything of a run that ends with adapters, or without."""
    return section.merged or section.gguf is not None or (section.adapter and has_adapters)


@dataclass(frozen=True, slots=True)
class _Export:
    """One export under way in `folder`."""

    folder: Path
    spec: Spec
    mesh: jax.sharding.Mesh
    trained: Trained
    hugging_face: HuggingFace
    probe: Probe
    measure: Measure

    def write(self) -> float | None:
        """Write all parts; return the share of adapted weights that merging left as they were in the base."""
        every, weights, unchanged = parameters(self.spec.architecture), self._weights(self.spec.export.dtype), None
        if self.spec.export.merged:
            (self.folder / "merged").mkdir(parents=True)
            write_model(self.folder / "merged", self.hugging_face, every, weights.merged, self._config())
            unchanged = weights.unchanged()
        if self.spec.export.adapter and self.trained.has_adapters:
            for name in (BASE, ADAPTER):
                (self.folder / name).mkdir(parents=True)
            adapted = self._adapted()
            # PEFT would merge the adapters of embedding and head into one table.
            untied = self.hugging_face.is_tied and any(each.role == "embedding" for each in adapted)
            write_model(self.folder / "base", self.hugging_face, every, weights.base, self._config(), untied)
            sources = {"lora_A": weights.lora_a, "lora_B": weights.lora_b, "merged": weights.merged}
            lora = self.spec.optimization.lora
            place, exact = self.folder.with_name(EXPORT) / BASE, self._weights("float32").base
            named = (str(place.absolute()), None) if untied else base_name(self.spec, place, self.hugging_face, exact)
            config = adapter_config(lora, *named)
            write_adapter(self.folder / ADAPTER, self.hugging_face, every, adapted, sources, config)
            readme = adapter_readme(str(place.with_name(ADAPTER).absolute()), *named)
            (self.folder / ADAPTER / README).write_text(readme, encoding="utf-8")
        trained = self.trained
        write_texts(self.folder, self.spec, trained.origin, trained.special_tokens, trained.tokenizer)
        if self.spec.export.gguf:
            self._write_gguf(self.spec.export.gguf)
        return unchanged

    def _write_gguf(self, kind: GgufKind) -> None:
        from runner.export.gguf.file import write_gguf  # its package is an optional dependency
        from runner.export.gguf.metadata import facts_of

        context = int(self._config()["max_position_embeddings"])
        files = same_tokenizer(self.spec.tokenizer, self.trained.tokenizer)
        facts = facts_of(files, context, trained_template(self.spec, files))
        (self.folder / "gguf").mkdir()
        source = self._weights("float32").merged
        write_gguf(self.folder / "gguf", self.spec.architecture, kind, source, facts)

    def prove(self, unchanged: float | None) -> Report:
        """Read every part again and compare it with the trained model. Raises Failure EXPORT, STORAGE."""
        trained, export, effect = self.trained.variables, self.spec.export, None
        own = self._adapted() if self.trained.has_adapters else ()
        check_configs(self.folder, self.spec, self.hugging_face, own)
        if self.trained.has_adapters:
            effect = self._compare({"params": trained["params"]})
        parts = []
        if export.merged:
            parts.append(Part("merged", self._compare({"params": self._read("merged")}), unchanged))
        if export.adapter and self.trained.has_adapters:
            parts.append(Part("adapter", self._compare(self._read_with_adapters()), None))
        if export.gguf:
            parts.append(Part("gguf", self._compare({"params": self._read_gguf()}), None))
        for part in parts:
            check_parity(part, effect, export, partial(self._holds, part.name))
        return Report(tuple(parts), effect)

    def _holds(self, part: str) -> bool:
        """Whether a part has, number by number, what was trained, before any rounding."""
        if part == "gguf":
            return False  # it is rounded
        weights = self._weights("float32")
        if part == "merged":
            return self._equal("merged", weights.merged)
        adapters = {"lora_A": weights.lora_a, "lora_B": weights.lora_b, "params": weights.merged}
        found = read_adapter(self.folder / "adapter", self.hugging_face, self._adapted())
        each = ((path.partition("/"), array) for path, array in found)
        return self._equal("base", weights.base) and all(
            is_same(array, path, adapters[kind]) for (kind, _, path), array in each
        )

    def _equal(self, name: str, source: Source) -> bool:
        found = read_model(self.folder / name, self.hugging_face, parameters(self.spec.architecture))
        return all(is_same(array, path, source) for path, array in found)

    def _compare(self, other: Variables) -> Difference:
        return compare(self.measure, self.mesh, self.probe, self.trained.variables, other)

    def _read(self, name: str) -> Any:
        """Read a model back onto the mesh, in the type of the file: the forward pass widens it, which is exact."""
        with storage_failures(self.folder / name, "read"):
            found = read_model(self.folder / name, self.hugging_face, parameters(self.spec.architecture))
            return self._like("params", found)

    def _read_gguf(self) -> Any:
        from runner.export.gguf.file import read_gguf

        with storage_failures(self.folder / "gguf", "read"):
            return self._like("params", read_gguf(self.folder / "gguf", self.spec.architecture))

    def _read_with_adapters(self) -> Variables:
        params = self._read("base")
        with storage_failures(self.folder / "adapter", "read"):
            found = self._read_adapters()
        read: Variables = {"params": params}
        for side in ("lora_A", "lora_B"):
            read[side] = self._like(side, _below(side, found))
        if whole := _below("params", found):  # what travels whole replaces that part of the base
            names, parts = {path.partition("/")[0] for path, _ in whole}, self._like("params", whole)
            read["params"] = {**params, **{name: parts[name] for name in names}}
        return read

    def _read_adapters(self) -> dict[str, Array]:
        """Read them as an adapter of others is read, by names alone, but where a table of positions travels whole."""
        folder, own = self.folder / ADAPTER, self._adapted()
        if any(each.role == "positions" for each in own):
            return dict(read_adapter(folder, self.hugging_face, own))
        return import_adapter(folder, self.hugging_face, own, self.spec.optimization.lora.rank)

    def _like(self, kind: str, found: Iterable[tuple[str, Array]]) -> Any:
        """Arrays by path as the trained tree of this kind, each placed as its leaf there; None where nothing was found.

        What was read back number by number as it was trained is that leaf itself, so that it takes no room again.
        """
        weights = self._weights("float32")
        source = {"params": weights.base, "lora_A": weights.lora_a, "lora_B": weights.lora_b}[kind]
        leaves = flax.traverse_util.flatten_dict(self.trained.variables[kind], sep="/")
        read = {}
        for path, array in found:
            leaf = leaves[path]
            read[path] = leaf if is_same(array, path, source) else jax.device_put(array, leaf.sharding)
        return flax.traverse_util.unflatten_dict({path: read.get(path) for path in leaves}, sep="/")

    def _weights(self, dtype: str) -> HostWeights:
        return HostWeights(self.trained.variables, self.spec.optimization.lora, dtype)

    def _adapted(self) -> tuple[Parameter, ...]:
        with_adapter = flax.traverse_util.flatten_dict(self.trained.variables["lora_A"], sep="/")
        return tuple(each for each in parameters(self.spec.architecture) if with_adapter.get(each.path) is not None)

    def _config(self) -> dict[str, Any]:
        trained, spec = self.trained, self.spec
        return model_config(trained.origin, trained.special_tokens, spec.export.dtype, spec.architecture.block_size)


@contextmanager
def _enough_memory(spec: Spec) -> Iterator[None]:
    """Turn devices that are full into one sentence. Raises Failure EXPORT."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        narrow = "" if spec.export.dtype != "float32" else "write export/dtype: bfloat16, or "
        fewer = "write export/merged: false, which needs no second model there, or " if spec.export.merged else ""
        raise Failure(
            "the devices have no room to compare the export with the trained model, and nothing is exported; "
            f"{narrow}{fewer}use more devices (mesh/fsdp), and run the same command again: the training is saved",
            ExitCode.EXPORT,
        ) from error


def _below(start: str, found: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """What lies below a path, by the rest of its path."""
    return [(path.removeprefix(f"{start}/"), array) for path, array in found.items() if path.startswith(f"{start}/")]
