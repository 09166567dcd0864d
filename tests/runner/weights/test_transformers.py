"""Models of Hugging Face folders compute what Transformers computes of them: logits, and gradients of every weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np
import optax
import pytest

from runner.huggingface.arrays import layers_of, to_hf
from runner.models import Decoder
from runner.weights.huggingface import HuggingFaceWeights
from runner.weights.pretrained import load_pretrained
from schema.families import architecture_of, load_family, parameters
from schema.sections.architecture import Architecture
from tests.runner.weights import transformers_models as theirs
from tests.runner.weights.model_folders import write_tensors
from tests.runner.weights.transformers_models import CASES, LENGTHS, Computed

# float32 on both sides, whose sums have other orders: shares of the largest logit, and of a tensor's largest gradient.
LOGITS, GRADIENTS = 2e-5, 1e-4
LOGITS_ALONE = ("llama_plain", "mistral", "qwen3_tied")  # whose parts the others have too: a program less to compile


def computed(folder: Path, remat: str = "names", differentiate: bool = True) -> Computed:
    """What our decoder makes of a folder; gradients by the names and in the shapes of its tensors."""
    model, variables = load_pretrained(folder)
    model = model.clone(options=model.options._replace(remat=remat))
    forward, longest = jax.jit(model.apply), LENGTHS[-1]
    lengths = LENGTHS[:-1] if differentiate else LENGTHS
    logits = {length: np.asarray(forward(variables, theirs.tokens_of(length)[:, :-1])) for length in lengths}
    if not differentiate:
        return Computed(logits, {})
    differentiated = jax.jit(jax.value_and_grad(loss, argnums=1, has_aux=True), static_argnums=0)
    (_, last), gradients = differentiated(model, variables["params"], theirs.tokens_of(longest))
    return Computed({**logits, longest: np.asarray(last)}, named(folder, gradients))


def loss(model: Decoder, params: Any, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The mean loss of a batch, and its logits."""
    logits = model.apply({"params": params}, tokens[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:]).mean(), logits


def named(folder: Path, gradients: Any) -> dict[str, Any]:
    """The gradients as tensors of the class."""
    source = HuggingFaceWeights.find(folder)
    assert source is not None
    architecture = Architecture.model_validate(source.describe())
    files, found = load_family(architecture.family).hugging_face(architecture), {}
    for parameter in parameters(architecture):
        leaf = gradients
        for part in parameter.path.split("/"):
            leaf = leaf[part]
        for layer in layers_of(parameter):
            array = np.asarray(leaf if layer is None else leaf[layer])
            name = files.name_to_hf(parameter.path, layer)
            found[name] = to_hf(files.row(parameter.path), parameter.path, array)
    return found


def assert_close(found: Any, wanted: Any, share: float, name: str) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=share * np.abs(wanted).max(), err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_logits_and_gradients_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    golden, wanted = theirs.golden(name)
    one, other = (architecture_of(golden["configs"][version]) for version in "45")
    assert one == other  # the two libraries write the same model
    case = CASES[name]
    tensors = theirs.weights_of(golden["shapes"], case.bfloat16)
    if case.bfloat16:
        tensors = {key: array.astype(ml_dtypes.bfloat16) for key, array in tensors.items()}
    folder = write_tensors(tmp_path / "model", golden["configs"]["5"], tensors, case.shards)
    found = theirs.arrays_of(computed(folder, differentiate=name not in LOGITS_ALONE))
    for key, array in wanted.items():
        if key.startswith("logits"):
            assert_close(found[key], array, LOGITS, key)
        elif name not in LOGITS_ALONE:
            assert_close(found[key], array, GRADIENTS, key)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of that library's own
@pytest.mark.parametrize("name", CASES)
def test_folders_that_transformers_writes_compute_what_it_does(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="pip install '.[peers]' to compare with them")
    pytest.importorskip("transformers")
    case = CASES[name]
    model = theirs.model_of(case)
    wanted = theirs.compute(model)
    for key, array in theirs.golden(name)[1].items():
        assert_close(theirs.arrays_of(wanted)[key], array, 1e-5, f"the golden of {key}")
    theirs.save(model, case, tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) >= case.shards
    for remat in ("names", "none"):
        found = computed(tmp_path, remat)
        for length in LENGTHS:
            assert_close(found.logits[length], wanted.logits[length], LOGITS, f"logits of {length}")
        assert found.gradients.keys() == wanted.gradients.keys()
        for key, gradient in wanted.gradients.items():
            assert_close(found.gradients[key], gradient, GRADIENTS, key)
