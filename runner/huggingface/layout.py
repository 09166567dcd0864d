"""How a model class of Transformers calls and lays out the parameters of an architecture, and the way back.

There, a kernel is (out, in), layers are not stacked, and a class may want more than we have: rows before a table,
each key and value head repeated for its group of queries, norms with a bias.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schema.families import Parameter

Array = npt.NDArray[Any]
# The parameter at a path, or its part of one layer, on the host in the type that is to be written.
Source = Callable[[str, int | None], Array]


class Heads(NamedTuple):
    """Outputs that are `heads` × `width`, each head `copies` times in a row over there."""

    heads: int
    width: int
    copies: int


@dataclass(frozen=True, slots=True)
class Layout:
    """`modules` maps a path here, such as blocks/attn/q_proj, to a module there, with {} for the layer's number."""

    modules: Mapping[str, str]
    config: Mapping[str, Any]  # config.json, without what the tokenizer decides
    rows_before: Mapping[str, int] = field(default_factory=dict)  # by module here
    repeated: Mapping[str, Heads] = field(default_factory=dict)  # by module here

    def name(self, path: str, layer: int | None) -> str:
        """The module over there that holds a parameter."""
        return self.modules[path.rpartition("/")[0]].format(layer)

    def there(self, path: str, array: Array) -> Array:
        """Bring one layer's parameter (in, out), (rows, features) or (features,) into the form over there."""
        module, _, leaf = path.rpartition("/")
        array = array.T if leaf == "kernel" else array
        if before := self.rows_before.get(module):
            array = np.concatenate([np.zeros((before, *array.shape[1:]), array.dtype), array])
        return self.outputs_there(module, array)

    def here(self, path: str, array: Array) -> Array:
        """Bring an array from over there back into our form."""
        module, _, leaf = path.rpartition("/")
        array = self.outputs_here(module, array)[self.rows_before.get(module, 0) :]
        return array.T if leaf == "kernel" else array

    def outputs_there(self, module: str, array: Array) -> Array:
        """Repeat the heads of an array (out, …)."""
        if module not in self.repeated:
            return array
        heads, width, copies = self.repeated[module]
        return np.repeat(array.reshape(heads, width, *array.shape[1:]), copies, axis=0).reshape(-1, *array.shape[1:])

    def outputs_here(self, module: str, array: Array) -> Array:
        """Take one copy of each head of an array (out, …)."""
        if module not in self.repeated:
            return array
        heads, width, copies = self.repeated[module]
        return array.reshape(heads, copies, width, *array.shape[1:])[:, 0].reshape(-1, *array.shape[1:])

    def tensors(self, parameters: tuple[Parameter, ...], source: Source) -> Iterator[tuple[str, Array]]:
        """Yield every tensor of a model by its name over there, one in memory at a time."""
        paths = {parameter.path for parameter in parameters}
        for parameter in parameters:
            module, _, leaf = parameter.path.rpartition("/")
            for layer in layers_of(parameter):
                name = self.name(parameter.path, layer)
                array = source(parameter.path, layer)
                yield f"{name}.{'bias' if leaf == 'bias' else 'weight'}", self.there(parameter.path, array)
                if leaf == "scale" and f"{module}/bias" not in paths:
                    yield f"{name}.bias", np.zeros_like(array)


def layers_of(parameter: Parameter) -> list[int] | list[None]:
    """The numbers of the layers that are stacked in a parameter; one None for a parameter that is no stack."""
    return list(range(parameter.shape[0])) if parameter.axes[0] == "layers" else [None]
