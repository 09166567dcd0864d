"""export/gguf from the command line: every command refuses the same before training, and a run leaves the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import load_file

from runner.export.gguf.check import check_gguf
from schema.lint import load_spec
from tests.runner.commands.smol_folder import OWN, fill
from tests.runner.data.tokenizer_folders import edit, folder, prefixed
from tests.runner.workplace import located, lorarun

LLAMA = OWN.replace("architecture: {", "architecture: {family: llama, ")
GGUF = ("--set=export/gguf=f16", "--set=export/adapter=false")
EXEC = ("exec", "spec.yaml", "--run-dir", "run", *GGUF)
COMMANDS = (EXEC, ("plan", "spec.yaml", *GGUF), ("validate", "--env", "spec.yaml", *GGUF))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of family llama whose tokenizer is the one in `smol`."""
    return fill(tmp_path, monkeypatch, LLAMA)


def test_the_plan_shows_the_bytes_of_the_file(here: Path) -> None:
    (line,) = [line for line in lorarun(here, "plan", "spec.yaml", *GGUF).stdout.splitlines() if "Export:" in line]
    assert line == "Export: merged; weights float32, 56.2 KiB · gguf f16, 28.2 KiB"


@pytest.mark.parametrize("case", ["no package", "another tokenizer"])
def test_every_command_refuses_the_same_before_training(case: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case == "no package":
        monkeypatch.setattr("runner.data.gguf_vocabulary.find_spec", lambda name: None)
        sentence = "export/gguf needs the package gguf, which is not installed"
        remedy = "pip install 'lorarun[gguf]', or remove export/gguf"
    else:
        folder(here / "smol", prefixed())
        sentence = "llama.cpp can't have the tokenizer in 'smol': its normalizer Sequence changes a text"
        remedy = "remove export/gguf"
    for command in COMMANDS:
        done = lorarun(here, *command)
        found, advice = located(done.stdout + done.stderr)
        assert (sentence in found, advice, done.changed) == (True, remedy, set()), command
        assert done.exit_code == (1 if command[0] == "validate" else 2)


@pytest.mark.slow
def test_a_run_leaves_the_file_with_the_trained_weights(here: Path) -> None:
    command = (*EXEC, "--set=training/post_lora_tokens=[]", "--set=training/post_lora_dataset=[]")
    done = lorarun(here, *command)
    assert done.exit_code == 0, done.stderr
    assert "exported run/export/gguf: logits within " in done.stdout
    found = {tensor.name: tensor for tensor in GGUFReader(here / "run/export/gguf/model.gguf").tensors}
    merged = load_file(here / "run/export/merged/model.safetensors")
    for theirs, ours in {"output.weight": "lm_head", "blk.0.ffn_up.weight": "model.layers.0.mlp.up_proj"}.items():
        number = dequantize(found[theirs].data, found[theirs].tensor_type)
        np.testing.assert_array_equal(number, merged[f"{ours}.weight"].astype(np.float16))
    note = json.loads((here / "run/export/gguf/lorarun.json").read_text())
    assert [part["name"] for part in note["parity"]["parts"]] == ["merged", "gguf"]
    assert lorarun(here, "verify", "run").exit_code == 0
    assert "nothing is left to do" in lorarun(here, *command).stdout


def test_what_llama_cpp_does_not_do_to_a_text_is_said(here: Path) -> None:
    def normalise(definition: dict[str, Any]) -> None:
        definition["normalizer"] = {"type": "NFC"}
        del (
            definition["model"]["vocab"]["Ą"],
            definition["model"]["vocab"]["ý"],
        )  # of 4, and of 253, which UTF-8 has not

    spec = load_spec(here / "spec.yaml", ["export/gguf=f16"])
    assert check_gguf(spec) == []
    edit(here / "smol", normalise)
    assert check_gguf(spec) == [
        "the tokenizer in 'smol' brings text to NFC, and llama.cpp does not: give it text that is NFC",
        "the tokenizer in 'smol' has no token for 1 bytes such as 0x04: both leave them out of a text, and llama.cpp "
        "merges nothing across them",
    ]
