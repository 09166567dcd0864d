"""Weights of a Hugging Face folder: config.json and safetensors, read slice by slice onto the mesh."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from schema.families import ConfigError, HuggingFace, Parameter, architecture_of, load_family, parameters

CONFIG, INDEX = "config.json", "model.safetensors.index.json"
# Tensors that files of the world hold beside the weights, and that nothing is computed from.
HARMLESS = re.compile(r"rotary_emb\.inv_freq$")


class HuggingFaceWeights:
    """The weights of a folder that Transformers loads. Only the needed part of a tensor is read for each device."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def find(cls, named: Path) -> HuggingFaceWeights | None:
        """Return the weights of a folder that has a config.json; None where the path is no such folder."""
        return cls(named.absolute()) if (named / CONFIG).is_file() else None

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder

    def describe(self) -> Mapping[str, Any]:
        """The architecture that config.json says. Raises Failure INVALID for one that no family holds."""
        return self._architecture

    def identity(self) -> str:
        """A digest of config.json and of every file of weights. Raises Failure STORAGE when one can't be read."""
        return self._digest

    def remarks(self) -> list[str]:
        """Nothing is left out of such a folder."""
        return []

    def load(self, shape: Any) -> Any:
        """Read the parameters into the shapes, types and shardings of `shape`, a pytree of `jax.ShapeDtypeStruct`.

        One layer's part for the devices of this process is on the host at a time. Raises Failure STORAGE when a tensor
        is missing, has another shape, or belongs to no parameter.
        """
        from flax.traverse_util import flatten_dict, unflatten_dict

        from runner.weights._layers import place, stack

        names = self._names()
        every = {parameter.path: parameter for parameter in parameters(self._view)}
        found = {}
        for path, leaf in flatten_dict(shape, sep="/").items():
            tensors = [self._tensor(name, every[path]) for name in names[path]]
            found[path] = stack(tensors, leaf) if every[path].role == "blocks" else place(tensors[0], leaf)
        return unflatten_dict(found, sep="/")

    def _tensor(self, name: str, parameter: Parameter) -> Any:
        """One tensor's file, and whether it is a kernel, which lies there as (out, in)."""
        from runner.weights._layers import Tensor

        wanted = parameter.shape[1:] if parameter.role == "blocks" else parameter.shape
        tensor = Tensor(self._files[name], name, transposed=parameter.path.endswith("/kernel"))
        if tensor.shape != tuple(wanted):
            self._refuse(f"{name} has the shape {tensor.shape}, and {tuple(wanted)} is wanted")
        return tensor

    def _names(self) -> dict[str, list[str]]:
        """The tensors of each parameter, one a layer. Refuses a folder that lacks one, or has one of no parameter."""
        files: HuggingFace = load_family(self._view.family).hugging_face(self._view)
        names = {}
        for parameter in parameters(self._view):
            layers = range(parameter.layers) if parameter.role == "blocks" else (None,)
            names[parameter.path] = [files.name_to_hf(parameter.path, layer) for layer in layers]
        wanted = {name for group in names.values() for name in group}
        if missing := sorted(wanted - self._files.keys()):
            self._refuse(f"the tensor {missing[0]} is missing")
        strange = {name for name in self._files.keys() - wanted if not HARMLESS.search(name)}
        if files.is_tied:
            strange.discard("lm_head.weight")  # written although it is the embedding
        if strange:
            self._refuse(f"the tensor {min(strange)} belongs to no parameter of {files.config['architectures'][0]}")
        return names

    def _refuse(self, reason: str) -> None:
        raise Failure(f"{self._folder}: {reason}; get the whole folder of the model again", ExitCode.STORAGE)

    @cached_property
    def _architecture(self) -> dict[str, Any]:
        path = self._folder / CONFIG
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(config, dict):
                raise ConfigError("it holds no mapping")
            return architecture_of(config)
        except ConfigError as error:
            raise Failure(f"{path} is of no model that can be trained here: {error}", ExitCode.INVALID) from error
        except (OSError, ValueError) as error:
            raise Failure(f"cannot read {path}: {error}", ExitCode.STORAGE) from error

    @cached_property
    def _view(self) -> Any:
        """The architecture with every key, as facts of a family are asked for."""
        from schema.sections.architecture import Architecture

        return Architecture.model_validate(self._architecture)

    @cached_property
    def _files(self) -> dict[str, Path]:
        """The file of each tensor, by its name."""
        from safetensors import SafetensorError, safe_open

        paths = self._shards()
        files: dict[str, Path] = {}
        for path in paths:
            try:
                with safe_open(path, "np") as file:
                    files |= dict.fromkeys(file.keys(), path)
            except (OSError, SafetensorError) as error:
                self._refuse(f"{path.name} can't be read: {error}")
        return files

    def _shards(self) -> list[Path]:
        """The files of weights: those that the index names, or all there are."""
        index = self._folder / INDEX
        if index.is_file():
            try:
                names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            except (OSError, ValueError, KeyError, AttributeError) as error:
                self._refuse(f"{INDEX} can't be read: {error}")
            paths = [self._folder / Path(name).name for name in names]  # a name can't lead out of the folder
            if missing := [path.name for path in paths if not path.is_file()]:
                self._refuse(f"{missing[0]} is missing")
            return paths
        paths = sorted(self._folder.glob("*.safetensors"))
        if not paths and any(self._folder.glob("*.bin")):
            raise Failure(
                f"{self._folder} holds .bin files, which are pickles and are never read; save the model as safetensors",
                ExitCode.INVALID,
            )
        if not paths:
            self._refuse("there is no .safetensors file")
        return paths

    @cached_property
    def _digest(self) -> str:
        whole = hashlib.sha256()
        try:
            for path in (self._folder / CONFIG, *self._shards()):
                with path.open("rb") as file:
                    whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        except OSError as error:
            raise Failure(f"cannot read {self._folder}: {error.strerror or error}", ExitCode.STORAGE) from error
        return whole.hexdigest()
