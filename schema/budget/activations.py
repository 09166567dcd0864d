"""Bytes that one micro-batch takes on a device beside the state: an estimate of a program's temporary memory.

A step is at its largest at one of two moments. When the loss is computed, all blocks have kept what they keep, and
logits exist. In the backward pass of a block the gradient exists, and what the block computes anew. A test compares
the estimate with compiled programs of one device.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from schema.budget.bytes import device_bytes
from schema.budget.mesh import parts_of
from schema.budget.stages import Phase
from schema.families import (
    HEAD,
    ITEM_BYTES,
    Activation,
    Parameter,
    adapted,
    adapters,
    kept_activations,
    logits_path,
    options_of,
    parameters,
    unnamed_activations,
)

CHUNK_TOKENS = 1024  # whose logits one device holds at a time
WIDE = ITEM_BYTES["float32"]
# Arrays of float32 that exist at one time, as XLA's own attention and the loss make them: scores (rows, heads, t, t)
# of a block that recomputes them, with a mask of one byte, or keeps two of them; logits (chunk, vocabulary). Where rows
# have segments, a block that recomputes the scores recomputes their mask, too.
SCORES_ANEW, SCORES_KEPT, LOGITS = 4.25, 3.25, 2
SEGMENTS_ANEW = 0.25
# Arrays (tokens, n_embd) beside the scores in attention's backward pass; arrays (tokens, features) of the widest
# projection and (tokens, n_embd) in that of the feed-forward block.
BESIDE_SCORES, OF_WIDEST, BESIDE_WIDEST = 5, 5, 6


def attention_kernel(architecture: Any, platform: str, segmented: bool = False) -> Literal["xla", "cudnn"]:
    """The kernel of attention: cuDNN's, which forms no scores, on GPUs for 16-bit activations; XLA's elsewhere.

    Where rows are `segmented` it is XLA's on every platform: `runner.models` says why.
    """
    return "cudnn" if platform == "gpu" and architecture.dtype.activation != "float32" and not segmented else "xla"


def micro_batch_bytes(
    sections: Any, mesh: dict[str, int], phase: Phase, rows: int, platform: str, *, segmented: bool = False
) -> int:
    """Estimate the bytes of a micro-batch of `rows` rows on one device, beyond those of `state_bytes`.

    They are those of activations, logits and the micro-batch's own gradient. `sections` are those of a spec,
    `platform` is cpu, gpu or tpu; `segmented` says that rows have segments.
    """
    architecture, training = sections.architecture, sections.training
    every, lora = parameters(architecture), sections.optimization.lora
    trained = adapters(every, lora.target_modules, lora.rank) if phase == "lora" else every
    whole = {**mesh, "fsdp": 1}  # products take weights, and make activations, that fsdp does not split
    tokens, item = rows * architecture.block_size, _item_bytes(architecture, platform)
    scores = 0
    if attention_kernel(architecture, platform, segmented) == "xla":
        scores = rows * _features(mesh, "heads", architecture.n_head) * architecture.block_size**2 * WIDE
    kept, working = _block_bytes(sections, mesh, phase, (rows, scores), platform)
    if segmented and architecture.remat != "none":
        working += SEGMENTS_ANEW * scores

    gradient = device_bytes(trained, WIDE, mesh)
    of_blocks = device_bytes(_blocks(trained), WIDE, mesh)
    of_head = device_bytes([each for each in trained if each.path.endswith(logits_path(architecture))], WIDE, mesh)
    layer = device_bytes(_blocks(every), item, whole) // architecture.n_layers  # the weights of one block
    tables = [each for each in every if each.role in ("embedding", "head")] if mesh["fsdp"] > 1 else []
    chunk = min(tokens, max(CHUNK_TOKENS, rows))
    arrays = LOGITS + (phase == "lora" and of_head > 0)  # an adapter's product is an array of its own
    logits = arrays * chunk * WIDE * _features(mesh, "vocab", architecture.vocab_size)
    at_loss = kept + of_head + logits + device_bytes(tables, item, whole)
    in_block = kept + working + of_blocks + of_head + layer
    # Micro-batches add to a gradient beside their own, which `state_bytes` counts. A single one has the head's once,
    # and casts of weights live no longer than they are read.
    casts, other_casts = _cast_bytes(architecture, whole, phase, platform)
    if training.batch_size > rows * mesh["data"] * mesh["fsdp"]:
        return int(max(at_loss, in_block, gradient)) + casts + other_casts
    return int(max(at_loss + other_casts, in_block + casts, gradient)) - of_head


def _block_bytes(
    sections: Any, mesh: dict[str, int], phase: Phase, sizes: tuple[int, int], platform: str
) -> tuple[int, float]:
    """Bytes that all blocks keep, and bytes that one of them needs at a time in its backward pass.

    `sizes` are the rows, and the bytes of a block's scores in float32.
    """
    rows, scores = sizes
    a, lora = sections.architecture, sections.optimization.lora
    tokens, item = rows * a.block_size, _item_bytes(a, platform)
    targets = lora.target_modules if phase == "lora" else ()
    named = [*kept_activations(a, targets, lora.rank)]
    carry, outputs = tokens * a.n_embd * item, tokens * _token_bytes(named, item, mesh)
    widest = tokens * item * max(_features(mesh, each.axis, each.features) for each in named)
    heads = max(carry, tokens * item * a.n_head * options_of(a).head_dim)
    anew = max(SCORES_ANEW * scores + BESIDE_SCORES * heads, OF_WIDEST * widest + BESIDE_WIDEST * carry)
    every = parameters(a)
    if phase == "lora" and all(each.path == HEAD for each in adapted(every, targets)):
        return 0, anew  # no gradient passes through the blocks
    if a.remat == "names":
        return a.n_layers * (carry + outputs), anew
    if a.remat == "full":
        return a.n_layers * carry, outputs + anew
    others = tokens * _token_bytes(unnamed_activations(a, phase), item, mesh)
    probabilities = scores + scores * item // WIDE  # in float32 for the softmax, in the type of values for the product
    masks = tokens * (2 * a.n_embd if a.dropout else 0)  # one byte a feature, of the two branches
    if lora.dropout:  # each adapter reads an input of its own, beside its mask
        masks += tokens * (item + 1) * sum(each.shape[-2] for each in adapted(_blocks(every), targets))
    kept = carry + outputs + others + probabilities + masks
    return a.n_layers * kept, max(SCORES_KEPT * scores, 3 * widest)


def _cast_bytes(architecture: Any, mesh: dict[str, int], phase: Phase, platform: str) -> tuple[int, int]:
    """Bytes of weights of blocks, and of others, in another type than they are stored in, as products need them."""
    a, every = architecture, parameters(architecture)
    stored = a.dtype.param if phase == "full" else a.dtype.activation
    if a.dtype.activation == stored and not _widens(a, platform):
        return 0, 0
    item = _item_bytes(a, platform)
    matrices = [parameter for parameter in every if parameter.matrix is not None]
    blocks = device_bytes(_blocks(matrices), item, mesh)
    if phase == "full":  # autodiff keeps the casts of blocks; a block that is recomputed casts its own again
        return (blocks if a.remat == "none" else 0), a.n_embd * item * _features(mesh, "vocab", a.vocab_size)
    return blocks, device_bytes(matrices, item, mesh) - blocks


def _widens(architecture: Any, platform: str) -> bool:
    """Whether products run in float32 whatever the activations are: a CPU has none of 16 bits."""
    return platform == "cpu" and architecture.dtype.activation != "float32"


def _item_bytes(architecture: Any, platform: str) -> int:
    return WIDE if _widens(architecture, platform) else ITEM_BYTES[architecture.dtype.activation]


def _token_bytes(activations: Iterable[Activation], item: int, mesh: dict[str, int]) -> int:
    """Bytes of one token of these arrays on a device."""
    return sum((WIDE if each.wide else item) * _features(mesh, each.axis, each.features) for each in activations)


def _features(mesh: dict[str, int], axis: str, features: int) -> int:
    """Features of which a device holds its part; fsdp splits weights alone, so that the residual stream is whole."""
    return features // parts_of((axis,), (features,), {**mesh, "fsdp": 1})


def _blocks(found: Sequence[Parameter]) -> list[Parameter]:
    return [parameter for parameter in found if parameter.role == "blocks"]
