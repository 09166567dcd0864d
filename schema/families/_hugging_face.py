"""How a class of Transformers calls and lays out the parameters of an architecture, and what that takes.

One table of rows is read in both directions. This file computes names and sizes; `runner.huggingface` moves arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schema.families._options import Options, Rope
from schema.families._parameter import Parameter


class Heads(NamedTuple):
    """Outputs that are `heads` × `width`, each head written `copies` times in a row."""

    heads: int
    width: int
    copies: int


class Row(NamedTuple):
    """One of our weights and the module of the class that holds it; a bias stands beside its weight on both sides.

    A kernel (in, out) is stored as (out, in). Each layer of a stack is a module of its own: {} is the layer's number.
    """

    path: str  # blocks/attn/q_proj/kernel
    name: str  # model.layers.{}.self_attn.q_proj
    rows_before: int = 0  # rows of a table that the class has before our rows and never looks up
    heads: Heads | None = None  # whose outputs are repeated
    adds_bias: bool = False  # the class has a bias where we have none; it is zero

    @property
    def copies(self) -> int:
        """How often each output is written."""
        return self.heads.copies if self.heads else 1


class HuggingFace(NamedTuple):
    """The class that holds an architecture: its config.json, and a row for each weight."""

    config: Mapping[str, Any]  # without what the tokenizer decides
    rows: tuple[Row, ...]

    @property
    def is_tied(self) -> bool:
        """Whether the token embedding is the head."""
        return bool(self.config["tie_word_embeddings"])

    def row(self, path: str) -> Row:
        """The row of a weight or of the bias beside it. Raises KeyError where the table has none."""
        module = path.rpartition("/")[0]
        for row in self.rows:
            if row.path.rpartition("/")[0] == module:
                return row
        raise KeyError(path)

    def module(self, path: str, layer: int | None) -> str:
        """The module that holds a parameter, or its part of one layer."""
        return self.row(path).name.format(layer)

    def name_to_hf(self, path: str, layer: int | None) -> str:
        """The tensor that holds a parameter, or its part of one layer."""
        return f"{self.module(path, layer)}.{'bias' if path.endswith('/bias') else 'weight'}"

    def name_from_hf(self, name: str) -> tuple[str, int | None] | None:
        """The path and the layer of a tensor, None where no row knows its module."""
        module, _, kind = name.rpartition(".")
        for row in self.rows:
            found = re.fullmatch(re.escape(row.name).replace(r"\{\}", r"(\d+)"), module)
            if found and kind in ("weight", "bias"):
                path = row.path if kind == "weight" else f"{row.path.rpartition('/')[0]}/bias"
                return path, int(found[1]) if found.groups() else None
        return None

    def size(self, parameter: Parameter) -> int:
        """Scalars that a parameter takes in the class's files."""
        row, features = self.row(parameter.path), parameter.shape[-1]
        added = row.rows_before * features + row.adds_bias * parameter.size
        return parameter.size * row.copies + added

    def adapter_size(self, parameter: Parameter, rank: int) -> int:
        """Scalars of A and B on a matrix, in PEFT's files."""
        inputs, outputs = parameter.matrix or (0, 0)
        matrices = parameter.size // (inputs * outputs)
        return matrices * rank * (inputs + outputs * self.row(parameter.path).copies)


def shape_config(o: Options) -> dict[str, Any]:
    """The keys of a config.json that every class has."""
    return {
        "vocab_size": o.vocab_size,
        "hidden_size": o.n_embd,
        "num_hidden_layers": o.n_layers,
        "num_attention_heads": o.n_head,
        "max_position_embeddings": o.block_size,
        "tie_word_embeddings": o.tie_embeddings,
        "attention_dropout": 0.0,
    }


def rope_config(rope: Rope) -> dict[str, Any]:
    """Rotary positions as Transformers 4 reads them, and as Transformers 5 does, which 4 would misread in silence."""
    scaling: dict[str, Any] = {"rope_type": rope.rope_type}
    if rope.rope_type != "default":
        scaling["factor"] = rope.factor
    if rope.rope_type == "llama3":
        scaling |= {
            "low_freq_factor": rope.low_freq_factor,
            "high_freq_factor": rope.high_freq_factor,
            "original_max_position_embeddings": rope.original_max_position_embeddings,
        }
    return {
        "rope_theta": rope.theta,
        "rope_scaling": None if rope.rope_type == "default" else scaling,
        "rope_parameters": {**scaling, "rope_theta": rope.theta},
    }


def stand_in(found: Sequence[Parameter]) -> Parameter:
    """The matrix whose first layer gets a product of zeros where an adapter has none, which PEFT refuses."""
    return next(parameter for parameter in found if parameter.role == "blocks" and parameter.matrix is not None)
