"""What a decoder is made of: one frozen value that decoder, bytes, FLOPs and names read; no key of it is unset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

Norm = Literal["layer", "rms"]
FeedForward = Literal["gelu", "swiglu"]


class Rope(NamedTuple):
    """Rotary positions: the base of their frequencies, and how these are scaled to reach farther, if at all.

    `linear` divides all by `factor`. `llama3` divides the slow ones: those that turn less than `low_freq_factor` times
    within `original_max_position_embeddings` positions, and a part of those up to `high_freq_factor` times.
    """

    theta: float
    rope_type: Literal["default", "linear", "llama3"] = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 1.0
    original_max_position_embeddings: int = 0


class Options(NamedTuple):
    """The parts and sizes of a decoder, as its family makes them of an `architecture` section.

    `rope` None means a learned vector a position. `gelu` is down(gelu(up(x))), `swiglu` is down(silu(gate(x)) · up(x)).
    """

    n_layers: int
    n_embd: int
    n_head: int
    n_kv_head: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    block_size: int
    norm: Norm
    norm_eps: float
    norm_bias: bool
    attention_bias: bool
    mlp_bias: bool
    qk_norm: bool
    feed_forward: FeedForward
    rope: Rope | None
    tie_embeddings: bool
    dropout: float
    remat: Literal["none", "names", "full"]
    param_dtype: str
    activation_dtype: str


class Refusal(NamedTuple):
    """A key of `architecture` whose value a family can't have, why, and what to write instead."""

    key: str
    reason: str
    remedy: str


def scaling_refusals(architecture: Any) -> Iterator[Refusal]:
    """Yield what of rope_scaling means nothing."""
    scaling, key = architecture.rope_scaling, "rope_scaling"
    if scaling.rope_type == "llama3" and scaling.low_freq_factor >= scaling.high_freq_factor:
        yield Refusal(f"{key}/low_freq_factor", "low_freq_factor is not below high_freq_factor", "write a smaller one")
    if scaling.rope_type == "default" and scaling.factor != 1:
        yield Refusal(
            f"{key}/factor", "rope_scaling has a factor and no rope_type", "write rope_type: linear or llama3"
        )
    if scaling.rope_type != "default" and not architecture.rope:
        yield Refusal(f"{key}/rope_type", "learned positions have no frequencies to scale", "remove rope_scaling")


def make_options(
    architecture: Any,
    *,
    norm: Norm,
    norm_eps: float,
    feed_forward: FeedForward,
    bias: bool,
    head_dim: int | None = None,
    qk_norm: bool = False,
) -> Options:
    """Make the options of an `architecture` section; the arguments are what its family has where a key says nothing."""
    a, scaling = architecture, architecture.rope_scaling
    everywhere = bias if a.bias is None else a.bias
    rope = Rope(a.rope_theta)
    if scaling.rope_type != "default":
        rope = Rope(
            a.rope_theta,
            scaling.rope_type,
            scaling.factor,
            scaling.low_freq_factor,
            scaling.high_freq_factor,
            scaling.original_max_position_embeddings or a.block_size,
        )
    return Options(
        n_layers=a.n_layers,
        n_embd=a.n_embd,
        n_head=a.n_head,
        n_kv_head=a.n_kv_head or a.n_head,
        head_dim=a.head_dim or head_dim or a.n_embd // a.n_head,
        intermediate_size=a.intermediate_size or 4 * a.n_embd,
        vocab_size=a.vocab_size,
        block_size=a.block_size,
        norm=norm,
        norm_eps=a.norm_eps or norm_eps,
        norm_bias=everywhere and norm == "layer",
        attention_bias=everywhere if a.attention_bias is None else a.attention_bias,
        mlp_bias=everywhere if a.mlp_bias is None else a.mlp_bias,
        qk_norm=qk_norm,
        feed_forward=feed_forward,
        rope=rope if a.rope else None,
        tie_embeddings=a.tie_embeddings,
        dropout=a.dropout,
        remat=a.remat,
        param_dtype=a.dtype.param,
        activation_dtype=a.dtype.activation,
    )
