"""What the classes of Transformers share that name their parameters as Llama's does.

Those with rotary positions have these names outside the feed-forward block; llama and qwen3 have Llama's parts too,
RMSNorm and SwiGLU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.families._hugging_face import Row, rope_config, shape_config
from schema.families._options import Options, Refusal, Rope, scaling_refusals

STEM = (
    Row("wte/embedding", "model.embed_tokens"),
    Row("blocks/attn_norm/scale", "model.layers.{}.input_layernorm"),
    Row("blocks/attn/q_proj/kernel", "model.layers.{}.self_attn.q_proj"),
    Row("blocks/attn/k_proj/kernel", "model.layers.{}.self_attn.k_proj"),
    Row("blocks/attn/v_proj/kernel", "model.layers.{}.self_attn.v_proj"),
    Row("blocks/attn/o_proj/kernel", "model.layers.{}.self_attn.o_proj"),
    Row("blocks/mlp_norm/scale", "model.layers.{}.post_attention_layernorm"),
)
END = (
    Row("final_norm/scale", "model.norm"),
    Row("lm_head/kernel", "lm_head"),
)
ROWS = (
    *STEM,
    Row("blocks/mlp/gate_proj/kernel", "model.layers.{}.mlp.gate_proj"),
    Row("blocks/mlp/up_proj/kernel", "model.layers.{}.mlp.up_proj"),
    Row("blocks/mlp/down_proj/kernel", "model.layers.{}.mlp.down_proj"),
    *END,
)
QK_NORM_ROWS = (
    Row("blocks/attn/q_norm/scale", "model.layers.{}.self_attn.q_norm"),
    Row("blocks/attn/k_norm/scale", "model.layers.{}.self_attn.k_norm"),
)


def refusals(architecture: Any) -> Iterator[Refusal]:
    """Yield what none of these families has."""
    if not architecture.rope:
        yield Refusal("rope", f"family {architecture.family} has rotary positions alone", "remove it")
    yield from scaling_refusals(architecture)


def config(o: Options, rope: Rope) -> dict[str, Any]:
    """The keys of config.json that these classes share."""
    return {
        **shape_config(o),
        **rope_config(rope),
        "head_dim": o.head_dim,
        "num_key_value_heads": o.n_kv_head,
        "intermediate_size": o.intermediate_size,
        "hidden_act": "silu",
        "rms_norm_eps": o.norm_eps,
        "attention_bias": o.attention_bias,
    }
