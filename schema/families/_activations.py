"""What a block makes for each token, under the names by which `architecture/remat` keeps it for the backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schema.families._options import Options
from schema.families._parameter import Parameter, adapted

ATTENTION, LOW_RANK = "attention", "low_rank"


class Activation(NamedTuple):
    """An array (tokens, features) of a block: its name there, and the logical axis of its features.

    It has the type of activations, or at least float32 where it is `wide`.
    """

    name: str
    features: int
    axis: str
    wide: bool = False


def kept_names(every: Sequence[Parameter]) -> tuple[str, ...]:
    """Name what a block keeps with `remat: names`.

    These are the outputs of its projections and of attention, and what an adapter's B multiplies, x @ A.
    """
    return (ATTENTION, LOW_RANK, *map(_projection, _matrices(every)))


def kept_activations(o: Options, every: Sequence[Parameter], targets: Sequence[str], rank: int) -> Iterator[Activation]:
    """Yield what bears one of these names and is read again, without the block's input; `targets` get adapters.

    Nothing reads the output of the last projection: it is added to the residual stream, and the sum is the next block's
    input.
    """
    matrices = _matrices(every)
    for matrix in matrices[:-1]:
        yield Activation(_projection(matrix), matrix.shape[-1], matrix.axes[-1])
    yield Activation(ATTENTION, o.n_head * o.head_dim, "heads")
    for _ in adapted(matrices, targets):
        yield Activation(LOW_RANK, rank, "rank")


def _matrices(every: Sequence[Parameter]) -> list[Parameter]:
    return [parameter for parameter in every if parameter.role == "blocks" and parameter.matrix is not None]


def _projection(matrix: Parameter) -> str:
    """The name of the module of a kernel: q_proj of blocks/attn/q_proj/kernel."""
    return matrix.path.split("/")[-2]
