"""Family qwen3: llama's parts, queries and keys normalised for each head, and heads of their own size (Qwen 2025)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.families import _llama_like
from schema.families._gguf import Gguf
from schema.families._hugging_face import HuggingFace
from schema.families._options import Options, Refusal, Rope, make_options

EPSILON = 1e-6  # of RMSNorm, where the architecture does not say
HEAD_DIM = 128
GGUF = Gguf("qwen3", interleaved=False, biases=False, rope_types=("default", "linear"))


def refusals(architecture: Any) -> Iterator[Refusal]:
    """Yield what the class has no place for."""
    yield from _llama_like.refusals(architecture)
    if options(architecture).mlp_bias:
        key = "mlp_bias" if architecture.mlp_bias else "bias"
        yield Refusal(key, "family qwen3 has biases in attention alone", "remove it, or write attention_bias")


def options(architecture: Any) -> Options:
    """Return what the decoder is made of; a head has 128 features unless `head_dim` says otherwise."""
    return make_options(
        architecture,
        norm="rms",
        norm_eps=EPSILON,
        feed_forward="swiglu",
        bias=False,
        head_dim=HEAD_DIM,
        qk_norm=True,
    )


def hugging_face(architecture: Any) -> HuggingFace:
    """Return the class of Transformers that holds an architecture of this family."""
    o = options(architecture)
    own = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "use_sliding_window": False}
    return HuggingFace(
        {**own, **_llama_like.config(o, o.rope or Rope(0.0))}, (*_llama_like.ROWS, *_llama_like.QK_NORM_ROWS)
    )
