"""Weights of a Hugging Face folder: config.json and safetensors, read slice by slice onto the mesh."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.data.tokenizer_files import GENERATION
from runner.failure import ExitCode, Failure
from runner.files.contents import Contents, changed_files
from runner.weights._files import (
    CONFIG,
    FLOATS,
    Header,
    check_tied_head,
    contents,
    digest_of,
    read_headers,
    refuse,
    weight_files,
)
from schema.document.pretrained import in_its_place
from schema.families import ConfigError, HuggingFace, architecture_of, load_family, parameters

# Tensors that files of the world hold beside the weights, and that nothing is computed from.
HARMLESS = re.compile(r"rotary_emb\.inv_freq$")


def _no_family(config: Path, error: ConfigError) -> Failure:
    sentence = f"{config} is of no model that can be trained here: {error}"
    return Failure(f"{sentence}; {in_its_place(str(config.parent))}", ExitCode.INVALID)


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
        """A digest of config.json and of every file of weights, whose tensors are those of the class.

        Raises Failure STORAGE when a file can't be read, or a tensor is missing, has another shape or type, or belongs
        to no parameter.
        """
        _ = self._names  # compares the headers
        return digest_of(weight_files(self._folder), self._contents)

    def verify(self, most_bytes: int) -> None:
        """Compare the headers of all tensors, which is what `identity` refuses; no weight is read."""
        del most_bytes
        _ = self._names

    def facts(self) -> Mapping[str, Any]:
        """Digest and stamp of every file that counts, by its name."""
        return {"files": self._contents}

    def is_noted(self, noted: Mapping[str, Any]) -> bool:
        """Whether the same files are chosen and hold what they held; one that has its stamp is not read again."""
        files = noted.get("files", {})
        if not {*weight_files(self._folder)} <= files.keys():
            return self.identity() == noted["digest"]
        try:
            return not any(changed_files(self._folder, files))
        except OSError as error:
            raise Failure(f"cannot read {self._folder}: {error.strerror or error}", ExitCode.STORAGE) from error

    def remarks(self) -> list[str]:
        """Say nothing: what is passed over, inverse frequencies and a copy of a tied head, is no weight of its own."""
        return []

    def origin(self) -> Mapping[str, Any]:
        """Its config.json and generation_config.json. Raises Failure STORAGE when one can't be read."""
        files = {CONFIG: self._folder / CONFIG, GENERATION: self._folder / GENERATION}
        return {name: _read_mapping(path) for name, path in files.items() if path.is_file()}

    def load(self, shape: Any) -> Any:
        """Read the parameters into the shapes, types and shardings of `shape`, a pytree of `jax.ShapeDtypeStruct`.

        One layer's part for the devices of this process is on the host at a time. Raises Failure STORAGE as `identity`
        does.
        """
        from flax.traverse_util import flatten_dict, unflatten_dict
        from safetensors import SafetensorError

        from runner.weights._layers import Tensor, place, stack

        names = self._names
        stacks = {parameter.path: parameter.role == "blocks" for parameter in parameters(self._view)}
        found = {}
        try:
            for path, leaf in flatten_dict(shape, sep="/").items():
                kernel = path.endswith("/kernel")
                tensors = [Tensor(self._headers[name].path, name, transposed=kernel) for name in names[path]]
                found[path] = stack(tensors, leaf) if stacks[path] else place(tensors[0], leaf)
        except (OSError, SafetensorError) as error:
            refuse(self._folder, f"{path} can't be read: {error}")
        return unflatten_dict(found, sep="/")

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        """The tensors of each parameter, one a layer, once their headers are found to be those of the class.

        Reads no weights, but those of a head beside the embedding that it is tied to.
        """
        names = self._wanted_names()
        for parameter in parameters(self._view):
            wanted = tuple(parameter.shape[1:] if parameter.role == "blocks" else parameter.shape)
            wanted = wanted[::-1] if parameter.path.endswith("/kernel") else wanted  # (out, in) there
            for name in names[parameter.path]:
                header = self._headers[name]
                if header.shape != wanted:
                    refuse(self._folder, f"{name} has the shape {header.shape}, and {wanted} is wanted")
                if header.dtype not in FLOATS:
                    refuse(
                        self._folder, f"{name} has the type {header.dtype}, and one of {', '.join(FLOATS)} is wanted"
                    )
        head = self._headers.get("lm_head.weight")
        if self._view.tie_embeddings and head is not None:
            check_tied_head(self._folder, head, self._headers["model.embed_tokens.weight"])
        return names

    def _wanted_names(self) -> dict[str, list[str]]:
        """Name the tensors of each parameter; refuse a folder that lacks one, or has one of no parameter."""
        files: HuggingFace = load_family(self._view.family).hugging_face(self._view)
        names = {}
        if self._view.n_layers > len(self._headers):  # no list of a billion names is made
            refuse(
                self._folder,
                f"config.json has {self._view.n_layers} layers, and there are {len(self._headers)} tensors",
            )
        for parameter in parameters(self._view):
            layers = range(parameter.layers) if parameter.role == "blocks" else (None,)
            names[parameter.path] = [files.name_to_hf(parameter.path, layer) for layer in layers]
        wanted = {name for group in names.values() for name in group}
        if missing := sorted(wanted - self._headers.keys()):
            refuse(self._folder, f"the tensor {missing[0]} is missing")
        strange = {name for name in self._headers.keys() - wanted if not HARMLESS.search(name)}
        if files.is_tied:
            strange.discard("lm_head.weight")  # written although it is the embedding
        if strange:
            refuse(
                self._folder, f"the tensor {min(strange)} belongs to no parameter of {files.config['architectures'][0]}"
            )
        return names

    @cached_property
    def _architecture(self) -> dict[str, Any]:
        path = self._folder / CONFIG
        try:
            return architecture_of(_read_mapping(path))
        except ConfigError as error:
            raise _no_family(path, error) from error

    @cached_property
    def _view(self) -> Any:
        """The architecture with every key, as facts of a family are asked for."""
        from schema.sections.architecture import Architecture

        return Architecture.model_validate(self._architecture)

    @cached_property
    def _headers(self) -> dict[str, Header]:
        return read_headers(self._folder)

    @cached_property
    def _contents(self) -> Contents:
        return contents(self._folder)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Failure(f"cannot read {path}: {error}", ExitCode.STORAGE) from error
    if not isinstance(found, dict):
        raise Failure(f"{path} holds no mapping; get the whole folder of the model again", ExitCode.INVALID)
    return found
