"""What the families of the shared decoder have in common: parts with their axes, and what these cost.

The decoder has a token embedding `wte`, a table of positions `wpe` where they are learned, a stack of `blocks` around
a residual stream, a `final_norm` and, unless it is tied to the embedding, a head `lm_head`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from schema.families._parameter import Parameter

TOKENS, POSITIONS, HEAD = "wte/embedding", "wpe/embedding", "lm_head/kernel"


def kv_heads(architecture: Any) -> int:
    """Key and value heads of a block: one for each query head unless `n_kv_head` says fewer."""
    heads: int = architecture.n_kv_head or architecture.n_head
    return heads


def embeddings(architecture: Any) -> Iterator[Parameter]:
    """Yield the table of tokens (v, d) and, without rotary positions, that of positions (t, d)."""
    a = architecture
    yield Parameter(TOKENS, (a.vocab_size, a.n_embd), ("vocab", "embed"))
    if not a.rope:
        yield Parameter(POSITIONS, (a.block_size, a.n_embd), ("positions", "embed"))


def attention(architecture: Any, head_dim: int) -> Iterator[Parameter]:
    """Yield the stacked projections of attention: queries (d, h · head), keys and values (d, k · head), outputs."""
    a = architecture
    queries, shared = a.n_head * head_dim, kv_heads(a) * head_dim
    yield from projection(a, "attn/q_proj", (a.n_embd, queries), ("embed", "heads"))
    yield from projection(a, "attn/k_proj", (a.n_embd, shared), ("embed", "kv_heads"))
    yield from projection(a, "attn/v_proj", (a.n_embd, shared), ("embed", "kv_heads"))
    yield from projection(a, "attn/o_proj", (queries, a.n_embd), ("heads", "embed"))


def projection(architecture: Any, name: str, shape: tuple[int, int], axes: tuple[str, str]) -> Iterator[Parameter]:
    """Yield the kernels (l, in, out) of a projection of the blocks and, where the architecture has them, its biases."""
    layers = architecture.n_layers
    yield Parameter(f"blocks/{name}/kernel", (layers, *shape), ("layers", *axes))
    if architecture.bias:
        yield Parameter(f"blocks/{name}/bias", (layers, shape[1]), ("layers", axes[1]))


def head(architecture: Any) -> Iterator[Parameter]:
    """Yield the head (d, v), unless the embedding is it."""
    a = architecture
    if not a.tie_embeddings:
        yield Parameter(HEAD, (a.n_embd, a.vocab_size), ("embed", "vocab"))


def logits_path(architecture: Any) -> str:
    """Path of the matrix that makes logits: the head's, or that of the token embedding where they are tied."""
    return TOKENS if architecture.tie_embeddings else HEAD


def flops_per_token(
    architecture: Any,
    found: Sequence[Parameter],
    head_dim: int,
    adapter_parameters: int,
    phase: Literal["full", "lora"],
) -> int:
    """FLOPs of one training token: 6 a matrix parameter in phase full, 4 and 6 an adapter's in phase lora.

    Attention adds 12 × layers × heads × head size × block_size (Chowdhery et al. 2022, PaLM, appendix B). Looking
    up an embedding is no product and does not count; a tied head does.
    """
    a, logits = architecture, logits_path(architecture)
    matrices = sum(
        parameter.size
        for parameter in found
        if parameter.matrix is not None and (parameter.role == "blocks" or parameter.path == logits)
    )
    attention: int = 12 * a.n_layers * a.n_head * head_dim * a.block_size
    return (6 if phase == "full" else 4) * matrices + 6 * adapter_parameters * (phase == "lora") + attention
