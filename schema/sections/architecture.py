"""architecture: the shape of the decoder and the types it computes in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from schema.section import Section, key

Float = Literal["float32", "bfloat16", "float16"]
FORMER = {"true": "full", "false": "none"}  # values of architecture/remat in older specs


def _current_value(value: Any) -> Any:
    """Read the spec of an older run.json, and what Python code wrote for it; the linter reads YAML itself."""
    return FORMER[str(value).lower()] if isinstance(value, bool) else value


Remat = Annotated[Literal["none", "names", "full"], BeforeValidator(_current_value)]


class Dtype(Section):
    """architecture/dtype: one type for parameters, one for activations."""

    param: Float = key("float32", "Type in which phase full stores and updates the parameters.", change="breaking")
    activation: Float = key(
        "bfloat16", "Type of activations, and of the frozen matrices in phase lora.", change="breaking"
    )


class RopeScaling(Section):
    """architecture/rope_scaling: rotary frequencies made slower, to reach farther than the model was trained for."""

    rope_type: Literal["default", "linear", "llama3"] = key(
        "default", "default slows none, linear all frequencies, llama3 the slow ones.", change="breaking"
    )
    factor: float = key(1.0, "By how much frequencies are slowed.", ge=1, change="breaking")
    low_freq_factor: float = key(
        1.0, "llama3: frequencies of fewer turns in the original length are slowed in full.", gt=0, change="breaking"
    )
    high_freq_factor: float = key(
        4.0, "llama3: frequencies of more turns in the original length stay as they are.", gt=0, change="breaking"
    )
    original_max_position_embeddings: int | None = key(
        None, "llama3: the original length; null means block_size.", unit="tokens", ge=1, change="breaking"
    )


class Architecture(Section):
    """architecture: one configurable decoder; `family` picks its parts and their defaults."""

    family: Literal["gpt", "llama", "qwen3"] = key(
        "gpt",
        "Model family: gpt has LayerNorm and GELU, llama RMSNorm and SwiGLU, qwen3 normalised queries and keys too.",
        change="breaking",
    )
    pretrained: str | None = key(
        None,
        "Weights that this run starts from: a run directory, a checkpoint, the folder of a Hugging Face model, or its "
        "name on the hub, OWNER/NAME or OWNER/NAME@REVISION. A path that exists comes first; ./OWNER/NAME is always a "
        "path. The keys of architecture that config.json decides may be left out. exec fetches a model of the hub into "
        "the hub's cache, and the run keeps its commit.",
        min_length=1,
        change="free with the same content",
    )
    n_layers: int = key(12, "Number of transformer blocks.", unit="layers", ge=1, change="breaking")
    n_embd: int = key(768, "Width of the residual stream.", unit="features", ge=1, change="breaking")
    n_head: int = key(12, "Number of attention heads.", unit="heads", ge=1, change="breaking")
    n_kv_head: int | None = key(
        None,
        "Number of key and value heads; null means n_head, fewer is grouped-query attention.",
        unit="heads",
        ge=1,
        change="breaking",
    )
    head_dim: int | None = key(
        None,
        "Features of one attention head; null means n_embd / n_head, or 128 for qwen3.",
        unit="features",
        ge=1,
        change="breaking",
    )
    intermediate_size: int | None = key(
        None, "Width of the feed-forward block; null means 4 × n_embd.", unit="features", ge=1, change="breaking"
    )
    vocab_size: int = key(
        50304, "Rows of the embedding; must exceed every token id.", unit="tokens", ge=1, change="breaking"
    )
    block_size: int = key(512, "Sequence length.", unit="tokens", ge=1, change="breaking")
    rope: bool = key(True, "Rotary positions; false learns one vector a position instead.", change="breaking")
    rope_theta: float = key(10000.0, "Base of the rotary frequencies.", gt=0, change="breaking")
    rope_scaling: RopeScaling = key(
        RopeScaling, "How rotary frequencies are scaled, in the words of a config.json.", change="breaking"
    )
    bias: bool | None = key(
        None, "Biases in projections and LayerNorm; null means those of the family: gpt has them.", change="breaking"
    )
    attention_bias: bool | None = key(
        None, "Biases in the projections of attention; null means as bias says.", change="breaking"
    )
    mlp_bias: bool | None = key(
        None, "Biases in the projections of the feed-forward block; null means as bias says.", change="breaking"
    )
    norm_eps: float | None = key(
        None, "Added to the variance in norms; null means 1e-5 for gpt, 1e-6 for others.", gt=0, change="breaking"
    )
    dropout: float = key(
        0.0,
        "Dropout rate of embeddings and residual branches in training.",
        unit="share",
        ge=0,
        lt=1,
        change="breaking",
    )
    tie_embeddings: bool = key(False, "Use the token embedding as the output head.", change="breaking")
    dtype: Dtype = key(Dtype, "Types of parameters and activations.", change="breaking")
    remat: Remat = key(
        "names",
        "What a block keeps for its backward pass: none recomputes nothing, names keeps the outputs of projections and "
        "of attention, full keeps the block's input alone.",
        change="free",
        former=FORMER,
    )
