"""Parameter shapes, bytes and FLOPs from the architecture keys: pure arithmetic, no jax.

The shapes are those of `runner.models`; a test compares the two for every family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
POSITIONS = "wpe/embedding"
CHUNK_TOKENS = 1024  # whose logits one device holds at a time

# Which mesh axis splits a logical axis; an axis that is not named stays whole on every device.
AXIS_RULES: tuple[tuple[str, str | tuple[str, str]], ...] = (
    ("rows", ("data", "fsdp")),
    ("embed", "fsdp"),
    ("heads", "tensor"),
    ("kv_heads", "tensor"),
    ("mlp", "tensor"),
    ("vocab", "tensor"),
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array of the parameter tree; a leading `layers` axis stacks the blocks."""

    path: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of scalars."""
        return prod(self.shape)

    @property
    def matrix(self) -> tuple[int, int] | None:
        """(in, out) of what an adapter can sit on, None for norms and biases."""
        if self.path.rsplit("/", 1)[-1] not in ("kernel", "embedding"):
            return None
        return (self.shape[-2], self.shape[-1])

    @property
    def layers(self) -> int:
        """How many matrices or vectors are stacked in this array."""
        return self.shape[0] if self.axes[0] == "layers" else 1

    def devices(self, mesh: dict[str, int]) -> int:
        """Into how many parts a mesh of these axis sizes splits this array: an axis that does not divide, does not."""
        rules = dict(AXIS_RULES)
        split = [
            (mesh[name], length)
            for axis, length in zip(self.axes, self.shape, strict=True)
            if isinstance(name := rules.get(axis), str)
        ]
        return prod(parts for parts, length in split if length % parts == 0)


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


def adapters(found: Sequence[Parameter], target_modules: Sequence[str], rank: int) -> tuple[Parameter, ...]:
    """List the lora_A and lora_B arrays that `target_modules` put on these parameters."""
    added = []
    for parameter in found:
        if parameter.matrix is None or not any(target in parameter.path for target in target_modules):
            continue
        stack, stack_axes = parameter.shape[:-2], parameter.axes[:-2]
        inputs, outputs = parameter.matrix
        in_axis, out_axis = parameter.axes[-2:]
        added.append(Parameter(f"lora_A/{parameter.path}", (*stack, inputs, rank), (*stack_axes, in_axis, "rank")))
        added.append(Parameter(f"lora_B/{parameter.path}", (*stack, rank, outputs), (*stack_axes, "rank", out_axis)))
    return tuple(added)


def device_bytes(found: Sequence[Parameter], item_bytes: int, mesh: dict[str, int]) -> int:
    """Bytes that these arrays take on one device of a mesh, each split as its axes say."""
    return sum(-(-parameter.size // parameter.devices(mesh)) * item_bytes for parameter in found)


def state_bytes(architecture: Any, lora: Any, mesh: dict[str, int], phase: Literal["full", "lora"]) -> dict[str, int]:
    """Bytes on one device by part, activations left out; `lora` is an `optimization/lora` section.

    Adapters, gradients and both moments are float32; the frozen base has its matrices in the activation type.
    """
    every, wide = parameters(architecture), ITEM_BYTES["float32"]
    trained = adapters(every, lora.target_modules, lora.rank) if phase == "lora" else every
    matrices = [parameter for parameter in every if parameter.matrix is not None]
    vectors = [parameter for parameter in every if parameter.matrix is None]
    dtype = architecture.dtype
    base = device_bytes(matrices, ITEM_BYTES[dtype.activation], mesh)
    base += device_bytes(vectors, ITEM_BYTES[dtype.param], mesh)
    return {
        "parameters": device_bytes(trained, wide if phase == "lora" else ITEM_BYTES[dtype.param], mesh),
        "gradients": device_bytes(trained, wide, mesh),
        "optimizer": 2 * device_bytes(trained, wide, mesh),
        "base": base if phase == "lora" else 0,
    }


def checkpoint_bytes(architecture: Any, lora: Any, phase: Literal["full", "lora"]) -> int:
    """Bytes of one checkpoint: what the phase trains and its optimizer, of the whole model."""
    parts = state_bytes(architecture, lora, {"data": 1, "fsdp": 1, "tensor": 1}, phase)
    return parts["parameters"] + parts["optimizer"]


def export_bytes(architecture: Any, lora: Any, export: Any, has_adapters: bool) -> int:
    """Bytes of the tensors that an `export` section asks for at the end of a run, with adapters or without.

    As `runner.huggingface` lays them out. Headers of files and their JSON come on top, some kilobytes a folder.
    """
    every, item = parameters(architecture), ITEM_BYTES[export.dtype]
    own = adapters(every, lora.target_modules, lora.rank) if has_adapters and export.adapter else ()
    copies: int = export.merged + bool(own)
    weights = copies * sum(_exported_size(architecture, parameter) for parameter in every)
    sizes = {parameter.path: _exported_size(architecture, parameter) for parameter in own}
    tied, table = architecture.tie_embeddings, architecture.vocab_size * architecture.n_embd
    if tied and "lora_A/wte/embedding" in sizes:
        weights += table  # the head of the base, which is untied there
        sizes["head"] = sizes["lora_A/wte/embedding"] + sizes["lora_B/wte/embedding"]
    if "lora_A/wpe/embedding" in sizes:  # travels whole, in place of A and B
        weights += sum(_exported_size(architecture, parameter) for parameter in every if parameter.path == POSITIONS)
        del sizes["lora_A/wpe/embedding"], sizes["lora_B/wpe/embedding"]
        sizes = sizes or {"stand-in": 2 * architecture.n_embd * lora.rank}  # PEFT wants one adapter at least
    return weights * item + sum(sizes.values()) * ITEM_BYTES["float32"]


def _exported_size(architecture: Any, parameter: Parameter) -> int:
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


def mesh_axes(mesh: Any, devices: int) -> dict[str, int]:
    """Resolve a `mesh` section on this many devices to the size of each axis, -1 taking all that remain.

    Raises ValueError, naming both numbers, when the axes do not multiply to the number of devices.
    """
    asked = {"data": mesh.data, "fsdp": mesh.fsdp, "tensor": mesh.tensor}
    fixed = prod(size for size in asked.values() if size != -1)
    written = " × ".join(f"{axis} {size}" for axis, size in asked.items())
    if 0 in asked.values() or list(asked.values()).count(-1) > 1:
        raise ValueError(f"mesh ({written}): every axis is at least 1, and only one may be -1")
    rest = [axis for axis, size in asked.items() if size == -1]
    if (devices % fixed) if rest else (devices != fixed):
        raise ValueError(
            f"mesh ({written}) needs {'a multiple of ' if rest else ''}{fixed} devices, and there are {devices}"
        )
    return {axis: devices // fixed if size == -1 else size for axis, size in asked.items()}
