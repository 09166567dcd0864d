"""A model as Transformers loads it: config.json and safetensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from runner.huggingface.layout import Array, Layout, Source, layers_of
from runner.huggingface.tensors import Tensors, write_json, write_shards
from schema.families import Parameter

TABLE = "wte/embedding"


def write_model(
    folder: Path, layout: Layout, parameters: tuple[Parameter, ...], source: Source, config: Mapping[str, Any]
) -> None:
    """Write a model into an existing folder; `config` is added to the layout's. Raises OSError.

    Where `config` unties the embeddings that the architecture ties, the head is written as well.
    """
    own = {**layout.config, **config}
    untied = layout.config["tie_word_embeddings"] and not own["tie_word_embeddings"]
    head = ((f"{layout.modules['lm_head']}.weight", source(TABLE, None)) for _ in range(1 if untied else 0))
    write_shards(folder, chain(layout.tensors(parameters, source), head))
    write_json(folder / "config.json", own)


def read_model(folder: Path, layout: Layout, parameters: tuple[Parameter, ...]) -> Iterator[tuple[str, Array]]:
    """Yield every parameter by its path here, in its shape here, one in memory at a time. Raises KeyError, OSError."""
    tensors = Tensors(folder)
    for parameter in parameters:
        kind = "bias" if parameter.path.endswith("/bias") else "weight"
        parts = [
            layout.here(parameter.path, tensors[f"{layout.name(parameter.path, layer)}.{kind}"])
            for layer in layers_of(parameter)
        ]
        yield parameter.path, np.stack(parts) if parameter.axes[0] == "layers" else parts[0]
