"""`lorarun init --pretrained` with a Hugging Face folder: a spec that the linter and the plan accept as it is."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.runner.commands.starter_folder import init, made
from tests.runner.data.conversation_files import TEMPLATE, write_lines
from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.weights.model_folders import LLAMA_4, write_folder
from tests.runner.workplace import lorarun


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model and its tokenizer in models/tiny."""
    config = {**LLAMA_4, "hidden_size": 48, "intermediate_size": 96, "vocab_size": 320, "max_position_embeddings": 256}
    write_folder(tmp_path / "models/tiny", config)
    folder(tmp_path / "models/tiny", byte_level())
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_adapters_of_a_model_are_trained_with_its_tokenizer(here: Path) -> None:
    spec = made("--pretrained", "models/tiny")
    assert (spec.architecture.pretrained, spec.architecture.n_layers, spec.architecture.block_size) == (
        "models/tiny",
        3,
        256,
    )
    assert (spec.tokenizer.backend, spec.tokenizer.name) == ("huggingface", "models/tiny")
    assert (spec.training.pre_lora_tokens, spec.optimization.lora.lr) == ([], 2e-4)
    text = init("-", "--yes", "--pretrained", "models/tiny").stdout
    assert "n_layers" not in text  # config.json says it
    assert init("spec.yaml", "--yes", "--pretrained", "models/tiny").exit_code == 0
    done = lorarun(here, "plan", "spec.yaml")
    assert (done.exit_code, "\ntokenizer huggingface models/tiny: 300 ids" in done.stdout) == (0, True)


def test_rows_may_be_shorter_and_the_shape_is_that_of_the_model() -> None:
    assert (
        made("--pretrained", "models/tiny", "--block-size", "64", "--full-tokens", "300K").architecture.block_size == 64
    )
    refused = init("-", "--yes", "--pretrained", "models/tiny", "--n-embd", "8")
    assert (refused.exit_code, "--n-embd is that of the model which --pretrained names" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("field", "message"),
    [("messages", {"role": "user", "content": "a"}), ("turns", {"from": "human", "value": "a"})],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_file_of_conversations_is_known_by_its_messages(
    field: str, message: dict[str, str], suffix: str, here: Path
) -> None:
    record = {"id": "x", field: [message]}
    if suffix == ".jsonl":
        write_lines(here / "own.jsonl", [record])
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([record]), here / "own.parquet")
    (here / "models/tiny/chat_template.jinja").write_text(TEMPLATE)
    spec = made("--pretrained", "models/tiny", "--lora-data", f"own{suffix}")
    assert spec.data.sources["own"].messages == field
    assert spec.training.post_lora_dataset[0][0].style == "PADDED"
    refused = init("-", "--yes", "--lora-data", f"own{suffix}")
    assert (refused.exit_code, f"'own{suffix}' holds conversations, which need the tokenizer" in refused.stderr) == (
        2,
        True,
    )


@pytest.mark.parametrize("about", ["1 2", "", None])
def test_what_an_instruction_is_about_is_not_left_out(about: str | None, here: Path) -> None:
    write_lines(here / "own.jsonl", [{"instruction": "Add.", "input": about, "output": "3"}])
    (here / "models/tiny/chat_template.jinja").write_text(TEMPLATE)
    source = made("--pretrained", "models/tiny", "--lora-data", "own.jsonl").data.sources["own"]
    assert (source.instruction, source.input, source.output) == ("instruction", "input", "output")
    refused = init("-", "--yes", "--lora-data", "own.jsonl")
    assert (refused.exit_code, "'own.jsonl' holds conversations" in refused.stderr) == (2, True)


def test_a_model_that_is_nowhere_is_refused() -> None:
    refused = init("-", "--yes", "--pretrained", "acme/tiny@v2")
    assert refused.exit_code == 2
    assert "a model that is in the cache of the hub: hf download acme/tiny --revision v2" in refused.stderr
