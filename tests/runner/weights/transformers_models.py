"""Small models of Transformers' classes, what these compute, and the golden files that keep it.

    PYTHONPATH=. python -m tests.runner.weights.transformers_models

writes the goldens where torch and Transformers are installed: `goldens/NAME.json` has the config.json of that version,
and the shapes of the tensors; `goldens/NAME.safetensors` has logits (b, t, v) by length, of the last POSITIONS, and of
each tensor's gradient what `entries_of` takes. Run it with Transformers 4 and with 5: each writes its own
config, and what both compute must be equal. Weights are a function of their names, so that no file holds them.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zlib import crc32

import ml_dtypes
import numpy as np
from safetensors.numpy import load_file, save_file

GOLDENS = Path(__file__).parent / "goldens"
LENGTHS = (1, 7, 40)  # the last is beyond the original length of each scaling
ROWS, POSITIONS, STRIDE = 2, 8, 41
SHAPE = {
    "vocab_size": 61,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


class Case(NamedTuple):
    """A config: its class, its keys, and its rotary positions; how its files are written."""

    kind: str
    keys: dict[str, Any]
    theta: float = 10_000.0
    scaling: dict[str, Any] = {"rope_type": "default"}  # noqa: RUF012  nobody writes into it
    shards: int = 1
    bfloat16: bool = False


CASES = {
    "llama3": Case(
        "Llama",
        {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 10, "attention_bias": True, "mlp_bias": True},
        theta=500.0,
        scaling=LLAMA3,
        shards=3,
    ),
    "llama_linear": Case(
        "Llama",
        {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True, "rms_norm_eps": 1e-3},
        scaling={"rope_type": "linear", "factor": 2.5},
        bfloat16=True,
    ),
    "llama_plain": Case("Llama", {"num_attention_heads": 3}),
    # Of other keys, but the same model: what is compiled for one is there for the other.
    "mistral": Case("Mistral", {"num_attention_heads": 3, "num_key_value_heads": 3, "sliding_window": None}),
    "qwen3": Case(
        "Qwen3",
        {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 10, "attention_bias": True},
        theta=50.0,
        scaling=LLAMA3,
        shards=2,
        bfloat16=True,
    ),
    "qwen3_tied": Case(
        "Qwen3",
        {"num_attention_heads": 2, "num_key_value_heads": 2, "tie_word_embeddings": True},  # head_dim is 128 unless set
        scaling={"rope_type": "linear", "factor": 2.0},
    ),
}


def weights_of(shapes: dict[str, Any], bfloat16: bool) -> dict[str, Any]:
    """Weights in float32 by their names; the stream of RandomState is the same in every version of numpy."""
    found = {}
    for name, shape in shapes.items():
        values = 0.3 * np.random.RandomState(crc32(name.encode())).standard_normal(shape)
        values = (values + name.endswith("norm.weight")).astype(np.float32)
        found[name] = values.astype(ml_dtypes.bfloat16).astype(np.float32) if bfloat16 else values
    return found


def tokens_of(length: int) -> np.ndarray[Any, Any]:
    """Tokens (b, t + 1): the last are targets alone."""
    return np.random.RandomState(length).randint(0, SHAPE["vocab_size"], (ROWS, length + 1)).astype(np.int32)


def entries_of(gradient: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The largest size of an entry; then every entry of a vector, and some of a matrix in each row or column."""
    entries = np.ravel(gradient)[:: 1 if gradient.ndim == 1 else STRIDE]
    return np.append(np.abs(gradient).max(), entries).astype(np.float32)


class Computed(NamedTuple):
    """Logits (b, t, v) by length, and gradients of the mean loss at the longest, by the names of their tensors."""

    logits: dict[int, np.ndarray[Any, Any]]
    gradients: dict[str, np.ndarray[Any, Any]]


def config_of(case: Case) -> Any:
    """The config of the class, as the version of Transformers that is installed makes it."""
    import transformers

    rope: dict[str, Any] = {"rope_parameters": {**case.scaling, "rope_theta": case.theta}}
    if transformers.__version__.startswith("4."):
        scaled = case.scaling["rope_type"] != "default"
        rope = {"rope_theta": case.theta, "rope_scaling": dict(case.scaling) if scaled else None}
    return getattr(transformers, f"{case.kind}Config")(**SHAPE, **case.keys, **rope)


def model_of(case: Case) -> Any:
    """The model of the class with its weights, in float32."""
    import torch
    import transformers

    model = getattr(transformers, f"{case.kind}ForCausalLM")(config_of(case)).eval()
    parameters = dict(model.named_parameters())  # a tied head is no other
    weights = weights_of({name: tuple(parameter.shape) for name, parameter in parameters.items()}, case.bfloat16)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(weights[name]))
    return model


def compute(model: Any) -> Computed:
    """What torch computes."""
    import torch

    logits = {}
    for length in LENGTHS:
        tokens = torch.from_numpy(tokens_of(length).astype(np.int64))
        made = model(tokens[:, :-1]).logits
        logits[length] = made.detach().numpy()
    torch.nn.functional.cross_entropy(made.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    gradients = {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}
    return Computed(logits, gradients)


def save(model: Any, case: Case, folder: Path) -> None:
    """Write the folder of a model as its library does, in as many shards as the case has, or some more."""
    import torch

    if case.bfloat16:
        model = model.to(torch.bfloat16)
    nbytes = sum(parameter.nbytes for parameter in model.parameters())
    model.save_pretrained(folder, max_shard_size=nbytes // case.shards + 1)


def golden(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configs by version and shapes by name; and the arrays."""
    return json.loads((GOLDENS / f"{name}.json").read_text()), load_file(GOLDENS / f"{name}.safetensors")


def arrays_of(computed: Computed) -> dict[str, Any]:
    """What a golden keeps."""
    logits = {
        f"logits/{length}": np.ascontiguousarray(each[:, -POSITIONS:]) for length, each in computed.logits.items()
    }
    return logits | {f"gradient/{name}": entries_of(each) for name, each in computed.gradients.items()}


def main() -> None:
    import transformers

    GOLDENS.mkdir(exist_ok=True)
    for name, case in CASES.items():
        model, path = model_of(case), GOLDENS / f"{name}.json"
        configs = json.loads(path.read_text())["configs"] if path.exists() else {}
        shapes = {each: list(parameter.shape) for each, parameter in model.named_parameters()}
        arrays, file = arrays_of(compute(model)), path.with_suffix(".safetensors")
        with TemporaryDirectory() as folder:
            save(model, case, Path(folder))
            configs[transformers.__version__[0]] = json.loads((Path(folder) / "config.json").read_text())
        path.write_text(json.dumps({"configs": configs, "shapes": shapes}, sort_keys=True) + "\n")
        if file.exists():
            before = load_file(file)
            worst = max(float(np.abs(before[key] - arrays[key]).max()) for key in before)
            print(f"{name}: {worst:.1e} from what was written before")
        save_file(arrays, file)


if __name__ == "__main__":
    main()
