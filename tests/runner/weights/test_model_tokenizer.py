"""The tokenizer of a run that starts from a Hugging Face folder is that of the folder, unless the spec names one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schema.lint import lint_text
from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.weights.model_folders import LLAMA_4, write_folder
from tests.runner.workplace import SPEC, fill, located, lorarun

TOKENIZER = "tokenizer: {backend: byte}\n"
OWN = SPEC.replace(
    SPEC.splitlines()[0], "architecture: {pretrained: model, block_size: 32, dtype: {activation: float32}}"
).replace(TOKENIZER, "")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model that has a tokenizer of 300 ids, and a spec that names none."""
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(OWN)
    write_folder(tmp_path / "model", {**LLAMA_4, "vocab_size": 320})
    folder(tmp_path / "model", byte_level())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_plan_shows_the_tokenizer_of_the_model_and_no_warning(here: Path) -> None:
    done = lorarun(here, "plan", "spec.yaml")
    assert done.exit_code == 0, done.stderr
    assert "\ntokenizer huggingface model: 300 ids · a document ends with </s> (2)" in done.stdout
    assert "LR010" not in done.stderr


@pytest.mark.parametrize(
    ("section", "backend", "name"),
    [
        ("tokenizer: {add_bos: false}", "huggingface", "model"),
        ("tokenizer: {backend: huggingface}", "huggingface", "model"),
        ("tokenizer: {backend: huggingface, name: other}", "huggingface", "other"),
        ("tokenizer: {backend: byte}", "byte", None),
        ("tokenizer: {backend: tiktoken, name: gpt2}", "tiktoken", "gpt2"),
    ],
)
def test_a_tokenizer_that_is_named_is_taken(section: str, backend: str, name: str | None, here: Path) -> None:
    document = lint_text(OWN + section, "spec.yaml").document
    assert document is not None
    assert (document.value("tokenizer/backend"), document.value("tokenizer/name")) == (backend, name)


def test_a_model_without_a_tokenizer_needs_one_that_is_named(here: Path) -> None:
    (here / "model/tokenizer.json").unlink()
    for arguments, code in ((("validate", "--env"), 1), (("plan",), 2), (("exec",), 2)):
        done = lorarun(here, *arguments, "spec.yaml")
        assert (done.exit_code, done.changed) == (code, set())
        found = located(done.stdout if code == 1 else done.stderr)
        finding = "spec.yaml:1:28: error[LR216 tokenizer-not-found]: 'model' holds no tokenizer.json"
        assert found == (finding, "name the folder that does")
    done = lorarun(here, "plan", "spec.yaml", "--set", "tokenizer/backend=byte")
    assert done.exit_code == 0, done.stderr


def test_ids_beyond_the_rows_of_the_model_point_at_its_config(here: Path) -> None:
    config = json.loads((here / "model/config.json").read_text())
    (here / "model/config.json").write_text(json.dumps({**config, "vocab_size": 256}, indent=1))
    done = lorarun(here, "plan", "spec.yaml")
    assert done.exit_code == 2
    assert located(done.stderr) == (
        "spec.yaml:1:28: error[LR504 vocab-too-small]: vocab_size is 256, and the tokenizer model has 300 ids, by the "
        "config.json of model",
        "name the tokenizer of that model, or another model",
    )
    assert "model/config.json:3:2: note: vocab_size there" in done.stderr
