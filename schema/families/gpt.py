"""Family gpt: LayerNorm and a GELU feed-forward block (Radford et al. 2019, GPT-2).

Its options, and how Transformers knows it: with rotary positions it is StarCoder2's class, with
learned ones OPT's. Both have pre-norm blocks of LayerNorm, separate projections of queries, keys and values, and a
feed-forward block whose activation their config names. OPT's table of positions begins with two rows that are never
looked up, and it has no grouped queries, so each key and value head is written once for every query head of its group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.families import _llama_like
from schema.families._hugging_face import Heads, HuggingFace, Row, rope_config, shape_config
from schema.families._options import Options, Refusal, Rope, make_options, scaling_refusals

EPSILON = 1e-5  # of LayerNorm
HEAD_DIM = None
GGUF = None
GELU = "gelu_pytorch_tanh"  # Transformers' name of GELU's tanh form

ROTARY = (
    *_llama_like.STEM,
    Row("blocks/mlp/up_proj/kernel", "model.layers.{}.mlp.c_fc"),
    Row("blocks/mlp/down_proj/kernel", "model.layers.{}.mlp.c_proj"),
    *_llama_like.END,
)
LEARNED = (
    Row("wte/embedding", "model.decoder.embed_tokens"),
    Row("wpe/embedding", "model.decoder.embed_positions", rows_before=2),
    Row("blocks/attn_norm/scale", "model.decoder.layers.{}.self_attn_layer_norm"),
    Row("blocks/attn/q_proj/kernel", "model.decoder.layers.{}.self_attn.q_proj"),
    Row("blocks/attn/k_proj/kernel", "model.decoder.layers.{}.self_attn.k_proj"),
    Row("blocks/attn/v_proj/kernel", "model.decoder.layers.{}.self_attn.v_proj"),
    Row("blocks/attn/o_proj/kernel", "model.decoder.layers.{}.self_attn.out_proj"),
    Row("blocks/mlp_norm/scale", "model.decoder.layers.{}.final_layer_norm"),
    Row("blocks/mlp/up_proj/kernel", "model.decoder.layers.{}.fc1"),
    Row("blocks/mlp/down_proj/kernel", "model.decoder.layers.{}.fc2"),
    Row("final_norm/scale", "model.decoder.final_layer_norm"),
    Row("lm_head/kernel", "lm_head"),
)


def refusals(architecture: Any) -> Iterator[Refusal]:
    """Yield what the classes of Transformers that hold this family have no place for."""
    a = architecture
    for key in ("head_dim", "attention_bias", "mlp_bias"):
        if getattr(a, key) is not None:
            yield Refusal(key, f"family gpt has no {key} of its own", "remove it, or choose family: llama")
    yield from scaling_refusals(a)
    if a.norm_eps is not None and not a.rope:
        yield Refusal("norm_eps", "with learned positions norm_eps is always 1e-5", "remove it, or set rope: true")


def options(architecture: Any) -> Options:
    """Return what the decoder is made of; biases are everywhere unless the section says otherwise."""
    return make_options(architecture, norm="layer", norm_eps=EPSILON, feed_forward="gelu", bias=True)


def hugging_face(architecture: Any) -> HuggingFace:
    """Return the class of Transformers that holds an architecture of this family."""
    o = options(architecture)
    # Both classes have norms with biases, whatever the architecture has.
    rows = [
        row._replace(adds_bias=row.path.endswith("/scale") and not o.norm_bias)
        for row in (ROTARY if o.rope else LEARNED)
    ]
    if o.rope:
        return HuggingFace(_rotary_config(o, o.rope), tuple(rows))
    heads = Heads(o.n_kv_head, o.head_dim, o.n_head // o.n_kv_head)
    shared = ("blocks/attn/k_proj/kernel", "blocks/attn/v_proj/kernel") if heads.copies > 1 else ()
    return HuggingFace(
        _learned_config(o), tuple(row._replace(heads=heads) if row.path in shared else row for row in rows)
    )


def _rotary_config(o: Options, rope: Rope) -> dict[str, Any]:
    return {
        "architectures": ["Starcoder2ForCausalLM"],
        "model_type": "starcoder2",
        **shape_config(o),
        **rope_config(rope),
        "num_key_value_heads": o.n_kv_head,
        "intermediate_size": o.intermediate_size,
        "hidden_act": GELU,
        "norm_epsilon": o.norm_eps,
        "sliding_window": None,
        "use_bias": o.attention_bias,
        "residual_dropout": 0.0,
        "embedding_dropout": 0.0,
    }


def _learned_config(o: Options) -> dict[str, Any]:
    return {
        "architectures": ["OPTForCausalLM"],
        "model_type": "opt",
        **shape_config(o),
        "word_embed_proj_dim": o.n_embd,
        "ffn_dim": o.intermediate_size,
        "activation_function": GELU,
        "do_layer_norm_before": True,
        "enable_bias": o.attention_bias,
        "layer_norm_elementwise_affine": True,
        "dropout": 0.0,
        "layerdrop": 0.0,
    }
