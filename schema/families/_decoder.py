"""What the families share, as all of them are one decoder: its parameters with their axes, and what they cost.

The decoder has a token embedding `wte`, a table of positions `wpe` where they are learned, a stack of `blocks` around
a residual stream, a `final_norm` and, unless it is tied to the embedding, a head `lm_head`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from schema.families._activations import Activation
from schema.families._options import Options
from schema.families._parameter import HEAD, Parameter

TOKENS, POSITIONS = "wte/embedding", "wpe/embedding"


def parameters(o: Options) -> tuple[Parameter, ...]:
    """List the parameters, in tree order."""
    d, f = o.n_embd, o.intermediate_size
    found = [Parameter(TOKENS, (o.vocab_size, d), ("vocab", "embed"))]
    if o.rope is None:
        found.append(Parameter(POSITIONS, (o.block_size, d), ("positions", "embed")))
    found += _norm(o, "blocks/attn_norm", d, o.norm_bias)
    found += _attention(o)
    found += _norm(o, "blocks/mlp_norm", d, o.norm_bias)
    if o.feed_forward == "swiglu":
        found += _projection(o, "mlp/gate_proj", (d, f), ("embed", "mlp"), o.mlp_bias)
    found += _projection(o, "mlp/up_proj", (d, f), ("embed", "mlp"), o.mlp_bias)
    found += _projection(o, "mlp/down_proj", (f, d), ("mlp", "embed"), o.mlp_bias)
    found += _norm(o, "final_norm", d, o.norm_bias)
    if not o.tie_embeddings:
        found.append(Parameter(HEAD, (d, o.vocab_size), ("embed", "vocab")))
    return tuple(found)


def logits_path(tied: bool) -> str:
    """Path of the matrix that makes logits: the head's, or that of the token embedding where they are tied."""
    return TOKENS if tied else HEAD


def unnamed_activations(o: Options, phase: Literal["full", "lora"]) -> tuple[Activation, ...]:
    """List what autodiff keeps of a block beside what has a name, where nothing is recomputed.

    Each norm keeps arrays of float32, one more where its scale is trained; an activation function keeps its steps.
    """
    of_norm = 2 + (phase == "full")
    norms = [Activation("norms", 2 * of_norm * o.n_embd, "norm", wide=True)]
    if o.qk_norm:
        norms.append(Activation("q_norm", of_norm * o.n_head * o.head_dim, "heads", wide=True))
        norms.append(Activation("k_norm", of_norm * o.n_kv_head * o.head_dim, "kv_heads", wide=True))
    steps = 5 if o.feed_forward == "gelu" else 4
    return (*norms, Activation(o.feed_forward, steps * o.intermediate_size, "mlp"))


def flops_per_token(o: Options, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
    """FLOPs of one training token: 6 a matrix parameter in phase full, 4 and 6 an adapter's in phase lora.

    Attention adds 12 × layers × heads × head size × block_size (Chowdhery et al. 2022, PaLM, appendix B). Looking
    up an embedding is no product and does not count; a tied head does.
    """
    logits = logits_path(o.tie_embeddings)
    matrices = sum(
        parameter.size
        for parameter in parameters(o)
        if parameter.matrix is not None and (parameter.role == "blocks" or parameter.path == logits)
    )
    attention = 12 * o.n_layers * o.n_head * o.head_dim * o.block_size
    return (6 if phase == "full" else 4) * matrices + 6 * adapter_parameters * (phase == "lora") + attention


def _attention(o: Options) -> Iterator[Parameter]:
    """Yield the stacked projections of attention: queries (d, h · head), keys and values (d, k · head), outputs."""
    d, queries, shared, bias = o.n_embd, o.n_head * o.head_dim, o.n_kv_head * o.head_dim, o.attention_bias
    yield from _projection(o, "attn/q_proj", (d, queries), ("embed", "heads"), bias)
    yield from _projection(o, "attn/k_proj", (d, shared), ("embed", "kv_heads"), bias)
    yield from _projection(o, "attn/v_proj", (d, shared), ("embed", "kv_heads"), bias)
    if o.qk_norm:
        yield from _norm(o, "blocks/attn/q_norm", o.head_dim, False)
        yield from _norm(o, "blocks/attn/k_norm", o.head_dim, False)
    yield from _projection(o, "attn/o_proj", (queries, d), ("heads", "embed"), bias)


def _projection(
    o: Options, name: str, shape: tuple[int, int], axes: tuple[str, str], bias: bool
) -> Iterator[Parameter]:
    """Yield the kernels (l, in, out) of a projection of the blocks and, where it has them, its biases."""
    yield Parameter(f"blocks/{name}/kernel", (o.n_layers, *shape), ("layers", *axes))
    if bias:
        yield Parameter(f"blocks/{name}/bias", (o.n_layers, shape[1]), ("layers", axes[1]))


def _norm(o: Options, path: str, features: int, bias: bool) -> Iterator[Parameter]:
    """Yield the scale (…, features) and, where it has one, the bias of a norm; those of blocks are stacked."""
    stack, axes = ((o.n_layers,), ("layers", "norm")) if path.startswith("blocks/") else ((), ("norm",))
    for leaf in ("scale", "bias") if bias else ("scale",):
        yield Parameter(f"{path}/{leaf}", (*stack, features), axes)
