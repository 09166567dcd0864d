"""Family gpt: LayerNorm and a GELU feed-forward block (Radford et al. 2019, GPT-2).

Its defaults, parameters, costs, and how Transformers knows it: with rotary positions it is StarCoder2's class, with
learned ones OPT's. Both have pre-norm blocks of LayerNorm, separate projections of queries, keys and values, and a
feed-forward block whose activation their config names. OPT's table of positions begins with two rows that are never
looked up, and it has no grouped queries, so each key and value head is written once for every query head of its group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from schema.families import _decoder
from schema.families._activations import Activation
from schema.families._decoder import kv_heads
from schema.families._hugging_face import Heads, HuggingFace, Row
from schema.families._parameter import Parameter

EPSILON = 1e-5  # of LayerNorm
GELU = "gelu_pytorch_tanh"  # Transformers' name of GELU's tanh form

ROTARY = (
    Row("wte/embedding", "model.embed_tokens"),
    Row("blocks/attn_norm/scale", "model.layers.{}.input_layernorm"),
    Row("blocks/attn/q_proj/kernel", "model.layers.{}.self_attn.q_proj"),
    Row("blocks/attn/k_proj/kernel", "model.layers.{}.self_attn.k_proj"),
    Row("blocks/attn/v_proj/kernel", "model.layers.{}.self_attn.v_proj"),
    Row("blocks/attn/o_proj/kernel", "model.layers.{}.self_attn.o_proj"),
    Row("blocks/mlp_norm/scale", "model.layers.{}.post_attention_layernorm"),
    Row("blocks/mlp/up_proj/kernel", "model.layers.{}.mlp.c_fc"),
    Row("blocks/mlp/down_proj/kernel", "model.layers.{}.mlp.c_proj"),
    Row("final_norm/scale", "model.norm"),
    Row("lm_head/kernel", "lm_head"),
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


def head_dim(architecture: Any) -> int:
    """Features of one attention head."""
    features: int = architecture.n_embd // architecture.n_head
    return features


def intermediate_size(architecture: Any) -> int:
    """Width of the feed-forward block: 4 × n_embd unless it is written."""
    width: int = architecture.intermediate_size or 4 * architecture.n_embd
    return width


def parameters(architecture: Any) -> tuple[Parameter, ...]:
    """List the parameters of an `architecture` section (or anything with its attributes), in tree order."""
    a, d, f = architecture, architecture.n_embd, intermediate_size(architecture)
    return (
        *_decoder.embeddings(a),
        *_norm(a, "blocks/attn_norm", (a.n_layers,)),
        *_decoder.attention(a, head_dim(a)),
        *_norm(a, "blocks/mlp_norm", (a.n_layers,)),
        *_decoder.projection(a, "mlp/up_proj", (d, f), ("embed", "mlp")),
        *_decoder.projection(a, "mlp/down_proj", (f, d), ("mlp", "embed")),
        *_norm(a, "final_norm", ()),
        *_decoder.head(a),
    )


def _norm(architecture: Any, path: str, layers: tuple[int, ...]) -> Iterator[Parameter]:
    """The scale (…, d) and, where the architecture has biases, the bias of LayerNorm."""
    shape, axes = (*layers, architecture.n_embd), ("layers", "norm") if layers else ("norm",)
    for leaf in ("scale", "bias") if architecture.bias else ("scale",):
        yield Parameter(f"{path}/{leaf}", shape, axes)


def unnamed_activations(architecture: Any, phase: Literal["full", "lora"]) -> tuple[Activation, ...]:
    """List what autodiff keeps of a block beside what has a name, where nothing is recomputed.

    Each of the two norms keeps 3 arrays of float32, and 2 where its scale is not trained; GELU keeps 5 of its steps.
    """
    of_norm = 3 if phase == "full" else 2
    return (
        Activation("norms", 2 * of_norm * architecture.n_embd, "norm", wide=True),
        Activation("gelu", 5 * intermediate_size(architecture), "mlp"),
    )


def flops_per_token(architecture: Any, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
    """FLOPs of one training token in a phase, those of the adapters' parameters among them."""
    a = architecture
    return _decoder.flops_per_token(a, parameters(a), head_dim(a), adapter_parameters, phase)


def hugging_face(architecture: Any) -> HuggingFace:
    """Return the class of Transformers that holds an architecture of this family."""
    a = architecture
    # Both classes have norms with biases, whatever the architecture has.
    rows = [
        row._replace(adds_bias=row.path.endswith("/scale") and not a.bias) for row in (ROTARY if a.rope else LEARNED)
    ]
    if a.rope:
        return HuggingFace(_rotary_config(a), tuple(rows))
    heads = Heads(kv_heads(a), head_dim(a), a.n_head // kv_heads(a))
    shared = ("blocks/attn/k_proj/kernel", "blocks/attn/v_proj/kernel") if heads.copies > 1 else ()
    return HuggingFace(
        _learned_config(a), tuple(row._replace(heads=heads) if row.path in shared else row for row in rows)
    )


def _shape_config(a: Any) -> dict[str, Any]:
    return {
        "vocab_size": a.vocab_size,
        "hidden_size": a.n_embd,
        "num_hidden_layers": a.n_layers,
        "num_attention_heads": a.n_head,
        "max_position_embeddings": a.block_size,
        "tie_word_embeddings": a.tie_embeddings,
        "attention_dropout": 0.0,
    }


def _rotary_config(a: Any) -> dict[str, Any]:
    return {
        "architectures": ["Starcoder2ForCausalLM"],
        "model_type": "starcoder2",
        **_shape_config(a),
        "num_key_value_heads": kv_heads(a),
        "intermediate_size": intermediate_size(a),
        "hidden_act": GELU,
        "norm_epsilon": EPSILON,
        "rope_theta": a.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": a.rope_theta},
        "sliding_window": None,
        "use_bias": a.bias,
        "residual_dropout": 0.0,
        "embedding_dropout": 0.0,
    }


def _learned_config(a: Any) -> dict[str, Any]:
    return {
        "architectures": ["OPTForCausalLM"],
        "model_type": "opt",
        **_shape_config(a),
        "word_embed_proj_dim": a.n_embd,
        "ffn_dim": intermediate_size(a),
        "activation_function": GELU,
        "do_layer_norm_before": True,
        "enable_bias": a.bias,
        "layer_norm_elementwise_affine": True,
        "dropout": 0.0,
        "layerdrop": 0.0,
    }
