"""What lies beside the weights: the chat template that was trained, and the tokens that end its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.data.chat.templates import load_template
from runner.data.tokenizers.huggingface import load_huggingface
from runner.export.configs import model_config, write_texts
from runner.failure import ExitCode, Failure
from schema.spec import Spec
from tests.runner.data.chat.goldens import tokenizer
from tests.runner.data.chat.test_own_template import SOURCE, folder

SPECIAL = {"bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0}


@pytest.fixture
def smol(tmp_path: Path) -> Path:
    """A tokenizer whose own template ends answers by its end of text."""
    return folder(tmp_path / "smol", SOURCE)


def written(place: Path, source: Path, **chat: Any) -> tuple[str, Any]:
    """The chat template of an export, and the stop tokens of its generation_config.json."""
    spec = Spec.model_validate({"tokenizer": {"backend": "huggingface", "name": str(source)}, "chat": chat})
    for part in ("merged", "adapter"):
        (place / part).mkdir(parents=True)
    special = {**SPECIAL, "eos_token_id": tokenizer().token_to_id("</s>")}
    write_texts(place, spec, {}, special, load_huggingface(str(source)).fingerprint)
    assert not (place / "adapter/generation_config.json").exists()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (place / "adapter" / name).read_bytes() == (source / name).read_bytes()
    generation = json.loads((place / "merged/generation_config.json").read_text())
    return (place / "adapter/chat_template.jinja").read_text(), generation["eos_token_id"]


def test_the_template_is_the_one_that_was_trained(smol: Path, tmp_path: Path) -> None:
    end, turn = (tokenizer().token_to_id(name) for name in ("</s>", "<|im_end|>"))
    assert written(tmp_path / "own", smol) == (SOURCE, end)
    found = written(tmp_path / "named", smol, template="chatml")
    assert found == (load_template("chatml").source, [end, turn])


def test_a_template_that_is_gone_by_then_is_one_sentence(smol: Path, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"chat/template 'gone.jinja' is neither .*; nothing is exported, and the") as e:
        written(tmp_path / "named", smol, template="gone.jinja")
    assert e.value.exit_code == ExitCode.STORAGE


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({}, (64, 2, None)),
        ({"max_position_embeddings": 4096, "eos_token_id": [7, 8], "bos_token_id": 1}, (4096, [7, 8], 1)),
        ({"max_position_embeddings": 32, "eos_token_id": None}, (64, 2, None)),  # rows were longer than the source's
    ],
)
def test_a_config_keeps_what_its_source_says(config: dict[str, Any], wanted: Any) -> None:
    found = model_config({"config.json": config}, SPECIAL, "bfloat16", 64)
    assert (found["max_position_embeddings"], found["eos_token_id"], found["bos_token_id"]) == wanted
    assert found["dtype"] == found["torch_dtype"] == "bfloat16"
