"""A GGUF file of family llama with the tokenizer smollm, of random weights; and what Transformers should find in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np

from runner.huggingface.tokenizer import byte_letters

WIDTH, FEED_FORWARD, HEADS, KV_HEADS, LAYERS = 64, 96, 2, 1, 2
HEAD = WIDTH // HEADS
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["h i", "1 2", "Ġ hi"]
TEMPLATE = "{% for message in messages %}{{ '<|im_start|>' + message['content'] + '<|im_end|>' }}{% endfor %}"
VALUES: dict[str, Any] = {
    "llama.block_count": LAYERS,
    "llama.context_length": 128,
    "llama.embedding_length": WIDTH,
    "llama.feed_forward_length": FEED_FORWARD,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": KV_HEADS,
    "llama.rope.freq_base": 1e5,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": [*SPECIAL, *byte_letters(), *(merge.replace(" ", "") for merge in MERGES)],
    "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (256 + len(MERGES)),
    "tokenizer.ggml.merges": MERGES,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.padding_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.add_bos_token": False,
    "tokenizer.ggml.add_space_prefix": False,
    "tokenizer.chat_template": TEMPLATE,
}
NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
SHAPES = {
    "attn_norm": (WIDTH,),
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (KV_HEADS * HEAD, WIDTH),
    "attn_v": (KV_HEADS * HEAD, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_norm": (WIDTH,),
    "ffn_gate": (FEED_FORWARD, WIDTH),
    "ffn_up": (FEED_FORWARD, WIDTH),
    "ffn_down": (WIDTH, FEED_FORWARD),
}


def write_gguf(file: Path, left_out: str = "", **values: Any) -> dict[str, Any]:
    """Write a file without the tensor `left_out`, with other `values` at some keys (`__` for a dot).

    Returns the tensors by their names in Transformers, as quantisation left them.
    """
    writer = gguf.GGUFWriter(file, values.pop("architecture", "llama"))
    for key, value in (VALUES | {name.replace("__", "."): value for name, value in values.items()}).items():
        _add(writer, key, value)
    random, found = np.random.default_rng(3), {}
    top = {"token_embd": ("model.embed_tokens", (len(VALUES["tokenizer.ggml.tokens"]), WIDTH))}
    top["output_norm"] = ("model.norm", (WIDTH,))
    layers = {
        f"blk.{layer}.{name}": (f"model.layers.{layer}.{NAMES[name]}", SHAPES[name])
        for layer in range(LAYERS)
        for name in NAMES
    }
    for name, (theirs, shape) in (top | layers).items():
        if name == left_out:
            continue
        array = random.normal(size=shape).astype(np.float32)
        kind = gguf.GGMLQuantizationType.F32 if len(shape) == 1 else gguf.GGMLQuantizationType.Q4_1
        data = gguf.quantize(array, kind)
        writer.add_tensor(f"{name}.weight", data, raw_dtype=kind)
        found[f"{theirs}.weight"] = _halved(name, gguf.dequantize(data, kind))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    return found


def _halved(name: str, array: Any) -> Any:
    """Row i of a head of q and k and row i + width / 2 are one rotary pair in Transformers, 2i and 2i + 1 in a GGUF."""
    if not name.endswith(("attn_q", "attn_k")):
        return array
    order = [start + pair for start in range(0, len(array), HEAD) for pair in (*range(0, HEAD, 2), *range(1, HEAD, 2))]
    return array[order]


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, list):
        writer.add_array(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_string(key, value)
