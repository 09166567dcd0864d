"""Transformers and PEFT themselves load an export and compute the trained model; for machines that have torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runner.export.test_export import SHAPES, exported, spec_of, trained
from tests.runner.tiny_run import random_batch

torch = pytest.importorskip("torch", reason="pip install torch transformers peft to compare with them")
pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of those libraries' own


@pytest.mark.parametrize("shape", SHAPES)
def test_transformers_and_peft_load_an_export_and_compute_the_trained_model(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import AutoPeftModelForCausalLM, PeftModel

    # As many rows as the tokenizer has ids: PEFT adds what is missing to a base that it loads itself.
    spec = spec_of({**SHAPES[shape], "architecture": {**SHAPES[shape].get("architecture", {}), "vocab_size": 260}})
    model, variables = trained(spec)
    tokens = random_batch(spec, 3)["tokens"]
    exported(tmp_path, spec, variables, tokens)
    wanted = np.asarray(model.apply(variables, tokens))

    def load(name: str) -> Any:
        found, notes = transformers.AutoModelForCausalLM.from_pretrained(
            tmp_path / "export" / name, output_loading_info=True
        )
        assert not any(notes[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
        return found.eval()

    def logits(found: Any) -> Any:
        with torch.no_grad():
            return found(torch.from_numpy(tokens.astype(np.int64))).logits.numpy()

    # Two libraries' float32, whose LayerNorm of small activations enlarges what sums round.
    np.testing.assert_allclose(logits(load("merged")), wanted, rtol=0, atol=1e-4)
    base = load("base")
    assert np.abs(logits(base) - wanted).max() > 0.02
    adapted = PeftModel.from_pretrained(base, tmp_path / "export/adapter").eval()
    np.testing.assert_allclose(logits(adapted), wanted, rtol=0, atol=1e-4)
    np.testing.assert_allclose(logits(adapted.merge_and_unload()), wanted, rtol=0, atol=1e-4)
    # The adapter alone finds its base, from whatever folder one works in.
    monkeypatch.chdir("/")
    alone = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "export/adapter").eval()
    np.testing.assert_allclose(logits(alone), wanted, rtol=0, atol=1e-4)
    for part in ("merged", "base"):
        generation = transformers.GenerationConfig.from_pretrained(tmp_path / "export" / part)
        assert (generation.eos_token_id, generation.pad_token_id) == (59, 60)
        assert len(transformers.AutoTokenizer.from_pretrained(tmp_path / "export" / part)) == 258
