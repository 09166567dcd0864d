"""Family gpt: its parameters, the bytes of its activations, its FLOPs; pure arithmetic, no jax.

The shapes are those of `runner.models`; a test compares the two.
"""

from __future__ import annotations

from typing import Any, Literal

from schema.families._parameter import ITEM_BYTES, Parameter

POSITIONS = "wpe/embedding"


def parameters(architecture: Any) -> tuple[Parameter, ...]:
    """List the parameters of an `architecture` section (or anything with its attributes), in tree order."""
    a = architecture
    d, head = a.n_embd, a.n_embd // a.n_head
    heads, kv_heads = a.n_head * head, (a.n_kv_head or a.n_head) * head
    f, v = a.intermediate_size or 4 * d, a.vocab_size
    found = [Parameter("wte/embedding", (v, d), ("vocab", "embed"))]
    if not a.rope:
        found.append(Parameter(POSITIONS, (a.block_size, d), ("positions", "embed")))

    def norm(path: str, stacked: bool) -> None:
        shape, axes = ((a.n_layers, d), ("layers", "norm")) if stacked else ((d,), ("norm",))
        found.append(Parameter(f"{path}/scale", shape, axes))
        if a.bias:
            found.append(Parameter(f"{path}/bias", shape, axes))

    def projection(path: str, size: tuple[int, int], axes: tuple[str, str]) -> None:
        found.append(Parameter(f"blocks/{path}/kernel", (a.n_layers, *size), ("layers", *axes)))
        if a.bias:
            found.append(Parameter(f"blocks/{path}/bias", (a.n_layers, size[1]), ("layers", axes[1])))

    norm("blocks/attn_norm", stacked=True)
    projection("attn/q_proj", (d, heads), ("embed", "heads"))
    projection("attn/k_proj", (d, kv_heads), ("embed", "kv_heads"))
    projection("attn/v_proj", (d, kv_heads), ("embed", "kv_heads"))
    projection("attn/o_proj", (heads, d), ("heads", "embed"))
    norm("blocks/mlp_norm", stacked=True)
    projection("mlp/up_proj", (d, f), ("embed", "mlp"))
    projection("mlp/down_proj", (f, d), ("mlp", "embed"))
    norm("final_norm", stacked=False)
    if not a.tie_embeddings:
        found.append(Parameter("lm_head/kernel", (d, v), ("embed", "vocab")))
    return tuple(found)


def exported_size(architecture: Any, parameter: Parameter) -> int:
    """Scalars of a parameter, or of A or B of its adapter, in the files of an export.

    The class with learned positions has two rows before its table, and one key and value head for each query head;
    both classes have norms with biases.
    """
    a, size = architecture, parameter.size
    if parameter.path == POSITIONS:
        return size + 2 * int(a.n_embd)
    if parameter.path.endswith("/scale") and not a.bias:
        return 2 * size
    repeated = any(f"attn/{name}_proj/" in parameter.path for name in "kv") and not parameter.path.startswith("lora_A/")
    return size * (a.n_head // (a.n_kv_head or a.n_head)) if repeated and not a.rope else size


def activation_bytes(architecture: Any, rows: int, vocab_rows: int = 1) -> int:
    """Estimate the bytes of activations that one micro-batch of `rows` rows keeps for its backward pass.

    Counts what the blocks save (with `remat` only their inputs, and one block in full) in the activation
    type, attention weights in float32, and the logits of `vocab_rows` × block_size tokens.
    """
    a = architecture
    item = ITEM_BYTES[a.dtype.activation]
    tokens, d, f = rows * a.block_size, a.n_embd, a.intermediate_size or 4 * a.n_embd
    kv = (a.n_kv_head or a.n_head) * (d // a.n_head)
    block = tokens * (item * (7 * d + 2 * kv + 3 * f) + 4 * 2 * a.n_head * a.block_size)
    blocks: int = a.n_layers * tokens * d * item + block if a.remat else a.n_layers * block
    logits: int = 4 * 3 * min(vocab_rows, rows) * a.block_size * a.vocab_size
    return blocks + logits


def flops_per_token(architecture: Any, adapter_parameters: int, phase: Literal["full", "lora"]) -> int:
    """FLOPs of one training token: 6 a matrix parameter in phase full, 4 and 6 an adapter's in phase lora.

    Attention adds 12 × layers × width × block_size (Chowdhery et al. 2022, PaLM, appendix B). The
    embedding look-up is no product and does not count; a tied head does.
    """
    a = architecture
    matrices = sum(
        parameter.size
        for parameter in parameters(a)
        if parameter.matrix is not None
        and parameter.path != POSITIONS
        and (parameter.path != "wte/embedding" or a.tie_embeddings)
    )
    attention: int = 12 * a.n_layers * (a.n_embd // a.n_head) * a.n_head * a.block_size
    return (6 if phase == "full" else 4) * matrices + 6 * adapter_parameters * (phase == "lora") + attention
