"""Family gpt as Transformers knows it: with rotary positions it is StarCoder2's class, with learned ones OPT's.

Both have pre-norm blocks of LayerNorm, separate projections of queries, keys and values, and a feed-forward block
whose activation their config names. OPT's table of positions begins with two rows that are never looked up, and it
has no grouped queries, so each key and value head is written once for every query head of its group.
"""

from __future__ import annotations

from typing import Any

from runner.huggingface.layout import Heads, Layout
from runner.models.gpt import EPSILON

ROTARY = {
    "wte": "model.embed_tokens",
    "blocks/attn_norm": "model.layers.{}.input_layernorm",
    "blocks/attn/q_proj": "model.layers.{}.self_attn.q_proj",
    "blocks/attn/k_proj": "model.layers.{}.self_attn.k_proj",
    "blocks/attn/v_proj": "model.layers.{}.self_attn.v_proj",
    "blocks/attn/o_proj": "model.layers.{}.self_attn.o_proj",
    "blocks/mlp_norm": "model.layers.{}.post_attention_layernorm",
    "blocks/mlp/up_proj": "model.layers.{}.mlp.c_fc",
    "blocks/mlp/down_proj": "model.layers.{}.mlp.c_proj",
    "final_norm": "model.norm",
    "lm_head": "lm_head",
}
LEARNED = {
    "wte": "model.decoder.embed_tokens",
    "wpe": "model.decoder.embed_positions",
    "blocks/attn_norm": "model.decoder.layers.{}.self_attn_layer_norm",
    "blocks/attn/q_proj": "model.decoder.layers.{}.self_attn.q_proj",
    "blocks/attn/k_proj": "model.decoder.layers.{}.self_attn.k_proj",
    "blocks/attn/v_proj": "model.decoder.layers.{}.self_attn.v_proj",
    "blocks/attn/o_proj": "model.decoder.layers.{}.self_attn.out_proj",
    "blocks/mlp_norm": "model.decoder.layers.{}.final_layer_norm",
    "blocks/mlp/up_proj": "model.decoder.layers.{}.fc1",
    "blocks/mlp/down_proj": "model.decoder.layers.{}.fc2",
    "final_norm": "model.decoder.final_layer_norm",
    "lm_head": "lm_head",
}
GELU = "gelu_pytorch_tanh"


def layout(architecture: Any) -> Layout:
    """Return the layout of an `architecture` section of this family."""
    a = architecture
    shared = {
        "vocab_size": a.vocab_size,
        "hidden_size": a.n_embd,
        "num_hidden_layers": a.n_layers,
        "num_attention_heads": a.n_head,
        "max_position_embeddings": a.block_size,
        "tie_word_embeddings": a.tie_embeddings,
        "attention_dropout": 0.0,
    }
    kv_heads, width = a.n_kv_head or a.n_head, a.intermediate_size or 4 * a.n_embd
    if a.rope:
        return Layout(
            ROTARY,
            {
                "architectures": ["Starcoder2ForCausalLM"],
                "model_type": "starcoder2",
                **shared,
                "num_key_value_heads": kv_heads,
                "intermediate_size": width,
                "hidden_act": GELU,
                "norm_epsilon": EPSILON,
                "rope_theta": a.rope_theta,
                "rope_parameters": {"rope_type": "default", "rope_theta": a.rope_theta},
                "sliding_window": None,
                "use_bias": a.bias,
                "residual_dropout": 0.0,
                "embedding_dropout": 0.0,
            },
        )
    heads = Heads(kv_heads, a.n_embd // a.n_head, a.n_head // kv_heads)
    return Layout(
        LEARNED,
        {
            "architectures": ["OPTForCausalLM"],
            "model_type": "opt",
            **shared,
            "word_embed_proj_dim": a.n_embd,
            "ffn_dim": width,
            "activation_function": GELU,
            "do_layer_norm_before": True,
            "enable_bias": a.bias,
            "layer_norm_elementwise_affine": True,
            "dropout": 0.0,
            "layerdrop": 0.0,
        },
        rows_before={"wpe": 2},
        repeated={"blocks/attn/k_proj": heads, "blocks/attn/v_proj": heads} if heads.copies > 1 else {},
    )
