"""Transformers itself loads a GGUF file and computes the trained model; for machines that have torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from runner.data.tokenizer_files import read_tokenizer_files
from runner.export.gguf.file import read_gguf
from schema.families import GgufKind
from schema.spec import Spec
from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.export.test_export import exported, spec_of, trained
from tests.runner.tiny_run import random_batch

torch = pytest.importorskip("torch", reason="pip install torch transformers to compare with them")
transformers = pytest.importorskip("transformers")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of those libraries' own

# Transformers reads neither biases nor scaling from such a file, nor the size of qwen3's heads.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {"family": "llama", "n_embd": 64, "n_head": 4, "n_kv_head": 2, "head_dim": 10, "rope_theta": 500.0},
    "qwen3": {"family": "qwen3", "n_embd": 64, "n_head": 3, "n_kv_head": 1, "tie_embeddings": True},
}


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
@pytest.mark.parametrize("family", ARCHITECTURES)
def test_transformers_loads_the_file_and_computes_the_trained_model(
    family: str, kind: GgufKind, tmp_path: Path
) -> None:
    tokenizer = {"backend": "huggingface", "name": str(folder(tmp_path / "tokenizer", byte_level()))}
    fingerprint = read_tokenizer_files(tokenizer["name"]).facts.fingerprint
    architecture = {**ARCHITECTURES[family], "vocab_size": 304}
    spec = spec_of({"architecture": architecture}, merged=False, adapter=False, gguf=kind, accept_lossy=True)
    spec = Spec.model_validate({**spec.model_dump(), "tokenizer": tokenizer})
    model, variables = trained(spec)
    tokens = random_batch(spec, 3)["tokens"]
    exported(tmp_path, spec, variables, tokens, tokenizer=fingerprint)
    found = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "export/gguf", gguf_file="model.gguf", dtype=torch.float32
    ).eval()
    with torch.no_grad():
        logits = found(torch.from_numpy(tokens.astype(np.int64))).logits.numpy()
    wide = {path: array.astype(np.float32) for path, array in read_gguf(tmp_path / "export/gguf", spec.architecture)}
    rounded = np.asarray(model.apply({"params": unflatten_dict(wide, sep="/")}, tokens))
    np.testing.assert_allclose(logits, rounded, rtol=0, atol=1e-4)
    wanted = np.asarray(model.apply(variables, tokens))
    off = np.abs(logits - wanted).max()
    assert off <= (0.02 if kind == "f16" else 0.2) * np.abs(wanted).max()
    # The same token is the likeliest, but where two are as likely.
    best = np.take_along_axis(wanted, logits.argmax(-1)[..., None], -1)[..., 0]
    assert (wanted.max(-1) - best <= 2 * off).all()
    assert (logits.argmax(-1) == wanted.argmax(-1)).mean() >= (0.98 if kind == "f16" else 0.9)
