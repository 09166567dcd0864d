"""Family llama: RMSNorm, rotary positions and SwiGLU, with biases where they are asked for (Touvron et al. 2023).

Llama 2 and 3, SmolLM2, TinyLlama, and Mistral without its window; each is `LlamaForCausalLM` of Transformers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.families import _llama_like
from schema.families._gguf import Gguf
from schema.families._hugging_face import HuggingFace
from schema.families._options import Options, Refusal, Rope, make_options

HEAD_DIM = None
EPSILON = 1e-6  # of RMSNorm, where the architecture does not say
GGUF = Gguf("llama", interleaved=True, biases=True, rope_types=("default", "linear", "llama3"))


def refusals(architecture: Any) -> Iterator[Refusal]:
    """Yield what the class has no place for."""
    yield from _llama_like.refusals(architecture)


def options(architecture: Any) -> Options:
    """Return what the decoder is made of."""
    return make_options(architecture, norm="rms", norm_eps=EPSILON, feed_forward="swiglu", bias=False)


def hugging_face(architecture: Any) -> HuggingFace:
    """Return the class of Transformers that holds an architecture of this family."""
    o = options(architecture)
    own = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "mlp_bias": o.mlp_bias}
    return HuggingFace({**own, **_llama_like.config(o, o.rope or Rope(0.0))}, _llama_like.ROWS)
