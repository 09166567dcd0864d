"""What Transformers and PEFT compute from a folder, in numpy and float64, from the files and their configs alone.

Written from those libraries' formulas, not from ours: separate queries, keys and values in `nn.Linear` layout, one
layer after the other, adapters as a product of their own beside each module.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

Array = np.ndarray[Any, np.dtype[np.float64]]


class Folder:
    """The tensors and the config of a model, with an adapter folder's where one is given."""

    def __init__(self, model: Path, adapter: Path | None = None) -> None:
        self.config = json.loads((model / "config.json").read_text())
        self.tensors: dict[str, Array] = {}
        for path in model.glob("*.safetensors"):
            self.tensors |= {name: array.astype(np.float64) for name, array in load_file(path).items()}
        self.adapter: dict[str, Array] = {}
        if adapter is not None:
            self.lora = json.loads((adapter / "adapter_config.json").read_text())
            for name, array in load_file(adapter / "adapter_model.safetensors").items():
                self.adapter[name.removeprefix("base_model.model.")] = array.astype(np.float64)
            assert self.lora["target_modules"]  # PEFT refuses an adapter without any
            root = self.lora["r"] ** (0.5 if self.lora["use_rslora"] else 1)
            self.scale = self.lora["lora_alpha"] / root
            for name in self.lora["modules_to_save"] or ():
                whole = [key for key in self.tensors if key.endswith(f"{name}.weight")]
                self.tensors |= {key: self.adapter.pop(key) for key in whole}
        self.used: set[str] = set()

    def linear(self, name: str, x: Array) -> Array:
        """nn.Linear with PEFT's adapter."""
        tied = self.config["tie_word_embeddings"] and name == "lm_head"
        y = x @ self.tensors[self.table if tied else f"{name}.weight"].T
        if f"{name}.bias" in self.tensors:
            y = y + self.tensors[f"{name}.bias"]
        if f"{name}.lora_A.weight" in self.adapter:
            a, b = self._pair(f"{name}.lora_A.weight", f"{name}.lora_B.weight")
            y = y + self.scale * (x @ a.T) @ b.T
        return y

    def embedding(self, name: str, ids: Any) -> Array:
        """nn.Embedding with PEFT's adapter."""
        y = self.tensors[f"{name}.weight"][ids]
        if f"{name}.lora_embedding_A" in self.adapter:
            a, b = self._pair(f"{name}.lora_embedding_A", f"{name}.lora_embedding_B")
            y = y + self.scale * a.T[ids] @ b.T
        return y

    def norm(self, name: str, x: Array) -> Array:
        """nn.LayerNorm, or the RMSNorm of Llama and its kin."""
        if "rms_norm_eps" in self.config:
            mean_square = (x**2).mean(-1, keepdims=True)
            return x / np.sqrt(mean_square + self.config["rms_norm_eps"]) * self.tensors[f"{name}.weight"]
        epsilon = self.config.get("norm_epsilon", 1e-5)
        centred = x - x.mean(-1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        return y * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    @property
    def table(self) -> str:
        """The tensor of the token embedding."""
        return next(name for name in self.tensors if name.endswith("embed_tokens.weight"))

    def _pair(self, *names: str) -> tuple[Array, ...]:
        self.used |= set(names)
        for name in names:
            assert any(f".{target}." in f".{name}" for target in self.lora["target_modules"])
        return tuple(self.adapter[name] for name in names)


def logits_of(folder: Folder, tokens: Any) -> Array:
    """The logits (b, t, v) of tokens (b, t); every tensor of the adapter must have been used."""
    opt = folder.config["model_type"] == "opt"
    root = "model.decoder" if opt else "model"
    x = folder.embedding(f"{root}.embed_tokens", tokens)
    if opt:
        x = x + folder.embedding(f"{root}.embed_positions", np.arange(tokens.shape[1]) + 2)
    for layer in range(folder.config["num_hidden_layers"]):
        name = f"{root}.layers.{layer}"
        norms = ("self_attn_layer_norm", "final_layer_norm") if opt else ("input_layernorm", "post_attention_layernorm")
        x = x + attention(folder, f"{name}.self_attn", folder.norm(f"{name}.{norms[0]}", x), opt)
        x = x + feed_forward(folder, name, folder.norm(f"{name}.{norms[1]}", x), opt)
    logits = folder.linear("lm_head", folder.norm(f"{root}.final_layer_norm" if opt else f"{root}.norm", x))
    assert folder.used == folder.adapter.keys()
    return logits


def feed_forward(folder: Folder, name: str, x: Array, opt: bool) -> Array:
    """Two products around GELU, or Llama's three."""
    if f"{name}.mlp.gate_proj.weight" in folder.tensors:
        gate = folder.linear(f"{name}.mlp.gate_proj", x)
        return folder.linear(
            f"{name}.mlp.down_proj", gate / (1 + np.exp(-gate)) * folder.linear(f"{name}.mlp.up_proj", x)
        )
    first, second = (f"{name}.fc1", f"{name}.fc2") if opt else (f"{name}.mlp.c_fc", f"{name}.mlp.c_proj")
    return folder.linear(second, gelu(folder.linear(first, x)))


def attention(folder: Folder, name: str, x: Array, opt: bool) -> Array:
    """Causal attention; all but OPT's have rotary positions and groups of queries."""
    heads = folder.config["num_attention_heads"]
    width = folder.config.get("head_dim", folder.config["hidden_size"] // heads)
    q, k, v = (
        folder.linear(f"{name}.{part}_proj", x).reshape(*x.shape[:2], -1, width).transpose(0, 2, 1, 3) for part in "qkv"
    )
    if f"{name}.q_norm.weight" in folder.tensors:
        q, k = folder.norm(f"{name}.q_norm", q), folder.norm(f"{name}.k_norm", k)
    if not opt:
        q, k = (rotated(each, folder.config) for each in (q, k))
    k, v = (np.repeat(each, heads // each.shape[1], axis=1) for each in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(width)
    scores = np.where(np.tri(x.shape[1], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    y = (weights / weights.sum(-1, keepdims=True)) @ v
    return folder.linear(f"{name}.{'out' if opt else 'o'}_proj", y.transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1))


def rotated(x: Array, config: dict[str, Any]) -> Array:
    """Llama's rotation: the second half of a head is the partner of the first."""
    half = x.shape[-1] // 2
    frequencies = slowed(config["rope_theta"] ** (-np.arange(half) / half), config["rope_scaling"])
    assert config["rope_parameters"] == {
        "rope_type": "default",
        **(config["rope_scaling"] or {}),
        "rope_theta": config["rope_theta"],
    }
    angles = np.outer(np.arange(x.shape[-2]), frequencies)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate(
        [first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], -1
    )


def slowed(frequencies: Array, scaling: dict[str, Any] | None) -> Array:
    """`rope_scaling` as modeling_rope_utils has it, in wavelengths."""
    if scaling is None:
        return frequencies
    factor = scaling["factor"]
    if scaling["rope_type"] == "linear":
        return frequencies / factor
    low, high, length = (
        scaling[name] for name in ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    )
    found = []
    for frequency in frequencies:
        wavelength = 2 * np.pi / frequency
        if wavelength < length / high:
            found.append(frequency)
        elif wavelength > length / low:
            found.append(frequency / factor)
        else:
            smooth = (length / wavelength - low) / (high - low)
            found.append((1 - smooth) * frequency / factor + smooth * frequency)
    return np.array(found)


def gelu(x: Array) -> Array:
    """torch's GELU with approximate="tanh"."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
