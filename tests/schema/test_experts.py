"""Specs as those who train models for a living write them: the linter has nothing to say against any of them.

They stand in `tests/spec/experts`. What they start from is in the cache of the hub, as it is on a machine that trained
such a model before; on any other one an info says that more could be checked.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schema.lint import lint_file
from schema.text.diagnostic import Severity
from tests.schema.goldens import SPECS

EXPERTS = sorted((SPECS / "experts").glob("*/*.yaml"))
COMMIT = "4e20de362430cd3b72f300e6b0f18e50e7166e08"
# What is good to know, and no reproach: of a phase lora of few steps the budget is rounded, it has one validation, and
# 1 % of it is no warm-up.
INFOS = {
    "code_then_tools": {"LR102"},
    "continued_then_adapters": {"LR102"},
    "data_constrained": {"LR408"},  # a weight decay above 1
    "grokking": {"LR408"},
    "multilingual": {"LR102", "LR603"},
    "pretrain_10b_tune_20m": {"LR102", "LR402", "LR603"},
    "qlora_r64": {"LR313"},  # alpha 16 at rank 64
    "qwen3_4b_mixed_styles": {"LR102"},
    "stages_of_unequal_length": {"LR105"},  # a decay that is longer than the last stage
    "two_stages_each": {"LR102"},
}
WORDS = (
    *("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("intermediate_size", "vocab_size", "tie_word_embeddings"),
)
# The shapes of public models, as their config.json say them.
MODELS = {
    "HuggingFaceTB/SmolLM2-135M": ("llama", 576, 30, 9, 3, 1536, 49152, True),
    "HuggingFaceTB/SmolLM2-135M-Instruct": ("llama", 576, 30, 9, 3, 1536, 49152, True),
    "HuggingFaceTB/SmolLM2-360M": ("llama", 960, 32, 15, 5, 2560, 49152, True),
    "HuggingFaceTB/SmolLM2-360M-Instruct": ("llama", 960, 32, 15, 5, 2560, 49152, True),
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": ("llama", 2048, 24, 32, 32, 8192, 49152, True),
    "meta-llama/Llama-3.2-1B": ("llama", 2048, 16, 32, 8, 8192, 128256, True),
    "meta-llama/Llama-3.2-1B-Instruct": ("llama", 2048, 16, 32, 8, 8192, 128256, True),
    "meta-llama/Llama-3.1-8B": ("llama", 4096, 32, 32, 8, 14336, 128256, False),
    "Qwen/Qwen3-0.6B-Base": ("qwen3", 1024, 28, 16, 8, 3072, 151936, True),
    "Qwen/Qwen3-1.7B": ("qwen3", 2048, 28, 16, 8, 6144, 151936, True),
    "Qwen/Qwen3-4B-Base": ("qwen3", 2560, 36, 32, 8, 9728, 151936, True),
    "Qwen/Qwen3-8B": ("qwen3", 4096, 36, 32, 8, 12288, 151936, False),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the hub that has the config.json of every model above, and nothing else."""
    cache = tmp_path_factory.mktemp("hub")
    for name, shape in MODELS.items():
        folder = cache / f"models--{name.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(COMMIT)
        (folder / "snapshots" / COMMIT).mkdir(parents=True)
        config = dict(zip(WORDS, shape, strict=True))
        (folder / "snapshots" / COMMIT / "config.json").write_text(json.dumps(config))
    return cache


@pytest.mark.parametrize("path", sorted((SPECS.parents[1] / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_specs_that_are_shown_are_silent(path: Path) -> None:
    found = [each.code for each in lint_file(path).diagnostics]
    assert found in ([], ["LR513"])  # tools/smollm2 makes the model of one of them


def test_there_are_as_many_as_were_promised() -> None:
    assert len(EXPERTS) >= 36


@pytest.mark.parametrize("path", EXPERTS, ids=lambda path: path.stem)
def test_a_spec_of_an_expert_has_no_warning(path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    verdict = lint_file(path)
    assert verdict.document is not None
    assert verdict.document.budget.steps > 0
    elsewhere = {"LR513"} if str(verdict.document.value("architecture/pretrained")).startswith("/") else set()
    assert {found.code for found in verdict.diagnostics} == INFOS.get(path.stem, set()) | elsewhere
    assert {found.severity for found in verdict.diagnostics} <= {Severity.INFO}


@pytest.mark.parametrize("path", EXPERTS[::4], ids=lambda path: path.stem)
def test_nor_has_it_where_its_model_was_not_fetched_yet(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", "/none")
    assert {found.severity for found in lint_file(path).diagnostics} <= {Severity.INFO}
