"""config.json → keys of `architecture`, for the classes of Transformers that a family holds; reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from sys import float_info
from typing import Any, NamedTuple

SAME = {
    "num_hidden_layers": "n_layers",
    "hidden_size": "n_embd",
    "num_attention_heads": "n_head",
    "intermediate_size": "intermediate_size",
    "vocab_size": "vocab_size",
}
# Keys of architecture that config.json decides → its words for them.
NAMES: dict[str, tuple[str, ...]] = {
    "family": ("model_type",),
    **{ours: (theirs,) for theirs, ours in SAME.items()},
    "n_kv_head": ("num_key_value_heads",),
    "head_dim": ("head_dim",),
    "rope": (),
    "rope_theta": ("rope_theta",),
    "rope_scaling": ("rope_parameters", "rope_scaling"),
    "attention_bias": ("attention_bias",),
    "mlp_bias": ("mlp_bias",),
    "norm_eps": ("rms_norm_eps",),
    "tie_embeddings": ("tie_word_embeddings",),
}
SCALED_BY = {
    "default": (),
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor"),
}


class Kind(NamedTuple):
    """A model_type: its family, and what its config class takes where a key is not there; None where it knows none."""

    family: str
    n_kv_head: int | None = None  # as many as heads
    head_dim: int | None = None  # hidden_size / heads
    attention_bias: bool | None = False
    mlp_bias: bool | None = None
    window_switch: bool | None = None  # use_sliding_window
    window: int | None = None  # sliding_window


KINDS = {
    "llama": Kind("llama", mlp_bias=False),
    "mistral": Kind("llama", n_kv_head=8, attention_bias=None, window=4096),
    "qwen3": Kind("qwen3", n_kv_head=32, head_dim=128, window_switch=False, window=4096),
}
MODEL_TYPES = tuple(KINDS)


class ConfigError(ValueError):
    """A config.json that no family holds: `str()` says why."""


def architecture_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `architecture` that weights have, by their config.json as Transformers 4 or 5 writes it.

    How long rows are is not among them: rotary positions have no length. Raises ConfigError, naming what no family here
    has, or a value that is none.
    """
    name = config.get("model_type")
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(f"model_type {name!r} is not one of {', '.join(KINDS)}")
    kind = KINDS[name]
    if config.get("hidden_act", "silu") != "silu":
        raise ConfigError(f"hidden_act {config['hidden_act']!r} is not silu")
    if config.get("quantization_config") is not None:
        raise ConfigError("the weights are quantised; take those that are not")
    _refuse_window(config, kind)
    found = {ours: _whole(config, theirs, None) for theirs, ours in SAME.items()}
    heads = found["n_head"]
    return {
        "family": kind.family,
        **found,
        "n_kv_head": _kv_heads(config, kind, heads),
        "head_dim": _whole(config, "head_dim", kind.head_dim or max(1, found["n_embd"] // heads)),
        "rope": True,
        **_rope(config),
        "attention_bias": kind.attention_bias is not None and _truth(config, "attention_bias", kind.attention_bias),
        "mlp_bias": kind.mlp_bias is not None and _truth(config, "mlp_bias", kind.mlp_bias),
        "norm_eps": _positive(config, "rms_norm_eps", 1e-6),
        "tie_embeddings": _truth(config, "tie_word_embeddings", False),
    }


def _kv_heads(config: Mapping[str, Any], kind: Kind, heads: int) -> int:
    """Null means as many as heads; a key that is not there means what its class takes."""
    default = heads if "num_key_value_heads" in config or kind.n_kv_head is None else kind.n_kv_head
    return _whole(config, "num_key_value_heads", default)


def _refuse_window(config: Mapping[str, Any], kind: Kind) -> None:
    """Refuse attention that sees a part of the earlier tokens."""
    switched = kind.window_switch is None or _truth(config, "use_sliding_window", kind.window_switch)
    layers = config.get("layer_types") or []
    if not isinstance(layers, list):
        raise ConfigError(f"layer_types is {layers!r}, and a list is wanted")
    windowed = switched and kind.window is not None and config.get("sliding_window", kind.window) is not None
    if windowed or any(each != "full_attention" for each in layers):
        raise ConfigError("attention has a sliding window, or other kinds of layers, which no family here has yet")


def _rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """Rotary positions: `rope_parameters` of Transformers 5, or `rope_theta` and `rope_scaling` of 4."""
    scaling: dict[str, Any] = {}
    for name in ("rope_scaling", "rope_parameters"):
        given = config.get(name) or {}
        if not isinstance(given, dict) or any(isinstance(value, dict) for value in given.values()):
            raise ConfigError(f"{name} is not one mapping of numbers for all layers")
        scaling |= given
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if not isinstance(kind, str) or kind not in SCALED_BY:
        raise ConfigError(f"rotary positions are scaled by {kind!r}, which no family here has")
    if scaling.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) != 1:
        raise ConfigError("a part of each head alone has rotary positions, which no family here has")
    theta = _positive(scaling if "rope_theta" in scaling else config, "rope_theta", 10_000.0)
    known: dict[str, Any] = {"rope_type": kind, "factor": 1.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    known |= {name: _positive(scaling, name, None) for name in SCALED_BY[kind]}
    if known["factor"] < 1:
        raise ConfigError(f"factor is {known['factor']!r}, and a number from 1 is wanted")
    length = None
    if kind == "llama3":
        if known["low_freq_factor"] >= known["high_freq_factor"]:
            raise ConfigError("low_freq_factor is not below high_freq_factor")
        own = "original_max_position_embeddings"
        place = config if config.get(own) is not None else scaling
        length = _whole(place, own, config.get("max_position_embeddings"))
    return {"rope_theta": theta, "rope_scaling": {**known, "original_max_position_embeddings": length}}


def _whole(config: Mapping[str, Any], name: str, default: Any) -> int:
    """A whole number from 1; `default` where it is not there, or null."""
    value = default if config.get(name) is None else config[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise ConfigError(f"{name} is {value!r}, and a whole number from 1 is wanted")
    return value


def _positive(config: Mapping[str, Any], name: str, default: float | None) -> float:
    """A number above 0."""
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= float_info.max:
        raise ConfigError(f"{name} is {value!r}, and a number above 0 is wanted")
    return float(value)


def _truth(config: Mapping[str, Any], name: str, default: bool) -> bool:
    value = config.get(name, default)
    if not isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}, and true or false is wanted")
    return value
