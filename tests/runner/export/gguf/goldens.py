"""The golden files for llama.cpp: beside each `files/*.json` stands an `.out` with the facts and tensors of its file.

A case is {architecture, kind, tokenizer_config}: the sections of a spec, the type of matrices, a file of the tokenizer.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np
from gguf import GGUFReader

from runner.data.tokenizer_files import read_tokenizer_files
from runner.export.gguf.file import FILE, write_gguf
from runner.export.gguf.metadata import Facts, facts_of
from runner.huggingface.arrays import Array
from schema.families import GgufKind, parameters
from schema.spec import Spec
from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.tiny_run import make_spec

FILES = Path(__file__).parent / "files"
SHOWN = 4  # of the values of a list


def cases() -> list[Path]:
    """Every golden file."""
    return sorted(FILES.glob("*.json"))


def outputs() -> list[Path]:
    """Every output that lies there, with or without its case."""
    return sorted(FILES.glob("*.out"))


def printed(path: Path) -> str:
    """The facts and tensors of the file of one case."""
    case = json.loads(path.read_text(encoding="utf-8"))
    with TemporaryDirectory() as place:
        write(Path(place), case["architecture"], case["kind"], **case.get("tokenizer_config", {}))
        found = GGUFReader(Path(place) / FILE)
        facts = [f"{name} = {_value(field.contents())}" for name, field in found.fields.items()]
        tensors = [
            f"{tensor.name} {tensor.tensor_type.name} {' × '.join(map(str, reversed(tensor.shape.tolist())))}"
            for tensor in found.tensors
        ]
    return "\n".join([*facts, "", *tensors, ""])


def write(place: Path, architecture: dict[str, Any], kind: GgufKind, **config: Any) -> Spec:
    """Write the file of a model whose weights `weight` gives, with a tokenizer of 300 tokens; return its spec."""
    tokenizer = folder(place / "tokenizer", byte_level(), tokenizer_config={"eos_token": "</s>", **config})
    spec = make_spec({"vocab_size": 304, "block_size": 40, **architecture})
    section = {"backend": "huggingface", "name": str(tokenizer)}
    spec = Spec.model_validate({**spec.model_dump(), "tokenizer": section, "export": {"gguf": kind}})
    write_gguf(place, spec.architecture, kind, weights_of(spec), facts(place))
    return spec


def facts(place: Path) -> Facts:
    """The facts of a model that saw rows of 40 tokens, with the tokenizer in a folder."""
    return facts_of(read_tokenizer_files(str(place / "tokenizer")), 40)


def weights_of(spec: Spec) -> Any:
    """A source of weights that are a function of their path and layer."""
    shapes = {each.path: each.shape for each in parameters(spec.architecture)}

    def weight(path: str, layer: int | None) -> Array:
        shape = shapes[path] if layer is None else shapes[path][1:]
        return np.random.default_rng(crc32(f"{path} {layer}".encode())).normal(0, 1, shape).astype(np.float32)

    return weight


def _value(value: Any) -> str:
    """A fact; of a list its first values."""
    if isinstance(value, list):
        return f"{len(value)} values: {' '.join(map(repr, value[:SHOWN]))} … {value[-1]!r}"
    return repr(value)
