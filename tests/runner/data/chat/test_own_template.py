"""The chat template of a tokenizer's folder, wherever it stands there, and the token by which its answers end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.data.chat.own_template import own_template, turn_end
from runner.data.chat.templates import BUILTIN, load_template
from runner.failure import ExitCode, Failure
from tests.runner.data.chat.goldens import tokenizer

SOURCE = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}\n{% endfor %}"
ENDS = {"chatml": "<|im_end|>", "llama3": "<|eot_id|>", "gemma": "<end_of_turn>", "mistral": "</s>", "alpaca": "</s>"}


def folder(place: Path, template: str | None = None, **config: Any) -> Path:
    place.mkdir(exist_ok=True)
    tokenizer().save(str(place / "tokenizer.json"))
    (place / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "bos_token": None, **config}))
    if template is not None:
        (place / "chat_template.jinja").write_text(template)
    return place


@pytest.mark.parametrize("name", BUILTIN)
def test_the_end_of_a_turn_is_that_of_the_template(name: str, tmp_path: Path) -> None:
    source = load_template(name).source
    plain = source.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    for template in (source, plain):
        found = turn_end(folder(tmp_path, template))
        assert found == tokenizer().token_to_id(ENDS[name])


def test_a_template_is_found_where_transformers_finds_it(tmp_path: Path) -> None:
    named = [{"name": "rag", "template": "rag"}, {"name": "default", "template": "the default"}]
    for config, wanted in (
        ({}, None),
        ({"chat_template": "text"}, "text"),
        ({"chat_template": named}, "the default"),
        ({"chat_template": named[:1]}, None),
    ):
        found = own_template(folder(tmp_path, **config))
        assert (found and found.source) == wanted
    own = own_template(folder(tmp_path, "of the file", chat_template="text", bos_token={"content": "<s>"}))
    assert own is not None
    assert (own.source, own.tokens) == ("of the file", {"bos_token": "<s>", "eos_token": "</s>"})


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no') }}", "{% for m in messages %}{{ m.content }}{% endfor %}"]
)
def test_a_template_that_does_not_say_names_no_end(template: str, tmp_path: Path) -> None:
    assert turn_end(folder(tmp_path, template)) is None
    assert turn_end(folder(tmp_path / "none")) is None
    (folder(tmp_path, "{% if %}") / "tokenizer.json").write_text("{")
    assert turn_end(tmp_path) is None
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert turn_end(tmp_path) is None


def test_what_is_no_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"the chat template of '.*' is no chat template: line 1") as e:
        own_template(folder(tmp_path, "{% if %}"))
    assert e.value.exit_code == ExitCode.INVALID
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(Failure, match=r"cannot read '.*chat_template.jinja'"):
        own_template(tmp_path)
