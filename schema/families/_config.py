"""config.json → keys of `architecture`, for the classes of Transformers that a family holds; reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FAMILIES = {"llama": "llama", "mistral": "llama", "qwen3": "qwen3"}  # by model_type
SAME = {
    "num_hidden_layers": "n_layers",
    "hidden_size": "n_embd",
    "num_attention_heads": "n_head",
    "intermediate_size": "intermediate_size",
    "vocab_size": "vocab_size",
}


class ConfigError(ValueError):
    """A config.json that no family holds: `str()` says why."""


def architecture_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `architecture` that weights have, by their config.json as Transformers 4 or 5 writes it.

    How long rows are is not among them: rotary positions have no length. Raises ConfigError, naming what no family
    here has.
    """
    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise ConfigError(f"model_type {kind!r} is not one of {', '.join(FAMILIES)}")
    if missing := [name for name in SAME if not isinstance(config.get(name), int)]:
        raise ConfigError(f"{missing[0]} is missing, or no whole number")
    _refuse(config, kind)
    heads = config["num_attention_heads"]
    found = {ours: config[theirs] for theirs, ours in SAME.items()}
    default_head = 128 if kind == "qwen3" else config["hidden_size"] // heads
    return {
        "family": FAMILIES[kind],
        **found,
        "n_kv_head": config.get("num_key_value_heads") or heads,
        "head_dim": config.get("head_dim") or default_head,
        "rope": True,
        **_rope(config),
        "attention_bias": bool(config.get("attention_bias", False)),
        "mlp_bias": bool(config.get("mlp_bias", False)),
        "norm_eps": float(config.get("rms_norm_eps", 1e-6)),
        "tie_embeddings": bool(config.get("tie_word_embeddings", False)),
    }


def _refuse(config: Mapping[str, Any], kind: str) -> None:
    if config.get("hidden_act", "silu") != "silu":
        raise ConfigError(f"hidden_act {config['hidden_act']!r} is not silu")
    if "quantization_config" in config:
        raise ConfigError("the weights are quantised; take those that are not")
    slides = config.get("use_sliding_window", kind == "mistral")
    windowed = slides and config.get("sliding_window", 4096 if kind == "mistral" else None) is not None
    if windowed or "sliding_attention" in (config.get("layer_types") or ()):
        raise ConfigError("attention has a sliding window, which no family here has yet")


def _rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """Rotary positions: `rope_parameters` of Transformers 5, or `rope_theta` and `rope_scaling` of 4."""
    scaling = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind not in ("default", "linear", "llama3"):
        raise ConfigError(f"rotary positions are scaled by {kind!r}, which no family here has")
    theta = scaling.get("rope_theta", config.get("rope_theta", 10_000.0))
    known = {
        "rope_type": kind,
        "factor": float(scaling.get("factor", 1.0)),
        "low_freq_factor": float(scaling.get("low_freq_factor", 1.0)),
        "high_freq_factor": float(scaling.get("high_freq_factor", 4.0)),
        "original_max_position_embeddings": scaling.get("original_max_position_embeddings"),
    }
    return {"rope_theta": float(theta), "rope_scaling": known}
