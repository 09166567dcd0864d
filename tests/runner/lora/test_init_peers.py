"""An adapter that PEFT itself made and saved gives the same logits here; for machines that have torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from runner.lora.init import read_init
from runner.models import LoRAScale, build_model
from runner.weights.pretrained import load_pretrained
from schema.families import architecture_of
from schema.spec import Spec
from tests.runner.weights.model_folders import LLAMA_5, QWEN3, write_folder

torch = pytest.importorskip("torch", reason="pip install torch transformers peft to compare with them")
peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of those libraries' own

CASES: dict[str, tuple[dict[str, Any], list[str], list[str], bool]] = {
    "llama, all matrices of the blocks": (LLAMA_5, ["all-linear"], ["all-linear"], False),
    "llama, its embedding and head too": (
        LLAMA_5,
        ["wte", "lm_head", "v_proj"],
        ["embed_tokens", "lm_head", "v_proj"],
        True,
    ),
    "qwen3": (QWEN3, ["q_proj", "down_proj"], ["q_proj", "down_proj"], True),
}


@pytest.mark.parametrize("case", CASES)
def test_an_adapter_that_peft_made_gives_its_logits(case: str, tmp_path: Path) -> None:
    config, targets, modules, rslora = CASES[case]
    folder = write_folder(tmp_path / "model", config)
    torch.manual_seed(1)
    given: Any = "all-linear" if modules == ["all-linear"] else modules
    made = peft.LoraConfig(r=3, lora_alpha=5, use_rslora=rslora, target_modules=given, task_type="CAUSAL_LM")
    theirs = peft.get_peft_model(transformers.AutoModelForCausalLM.from_pretrained(folder), made)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.2 * torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    tokens = np.random.default_rng(3).integers(0, 61, (2, 9), np.int32)
    with torch.no_grad():
        wanted = theirs.eval()(torch.from_numpy(tokens.astype(np.int64))).logits.numpy()
        base = theirs.disable_adapter
        with base():
            plain = theirs(torch.from_numpy(tokens.astype(np.int64))).logits.numpy()

    scaling = "rslora" if rslora else "standard"
    lora = {"rank": 3, "alpha": 5.0, "scaling": scaling, "target_modules": targets, "init": str(tmp_path / "adapter")}
    types = {"param": "float32", "activation": "float32"}
    architecture = {**architecture_of(config), "dtype": types}
    spec = Spec.model_validate({"architecture": architecture, "optimization": {"lora": lora}})
    _, variables = load_pretrained(folder)
    variables |= unflatten_dict(read_init(spec), sep="/")
    model = build_model(spec.architecture, LoRAScale(5.0 / (3**0.5 if rslora else 3)))
    found = np.asarray(model.apply(variables, tokens))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    assert np.abs(plain - wanted).max() > 0.01 * np.abs(wanted).max()
