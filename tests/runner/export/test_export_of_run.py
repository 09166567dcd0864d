"""A run ends with its export, and makes it again where it is gone or another one is asked."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from runner.files.digested_json import read_json, write_facts
from tests.runner.workplace import Outcome, fill, finish_run, lorarun, tree

pytestmark = pytest.mark.slow  # whole runs

FOLDERS = ["adapter", "base", "merged"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`."""
    folder = tmp_path_factory.mktemp("finished")
    done = finish_run(folder)
    assert "exported run/export/merged: logits within " in done.stdout
    assert "exported run/export/adapter: logits within " in done.stdout
    return folder


def again(folder: Path, *values: str) -> Outcome:
    return lorarun(folder, "exec", "spec.yaml", "--run-dir", "run", *(f"--set={value}" for value in values))


def test_an_export_says_what_it_is(here: Path) -> None:
    assert sorted(path.name for path in (here / "run/export").iterdir() if path.is_dir()) == FOLDERS
    summary = json.loads((here / "run/summary.json").read_text())
    for name in FOLDERS:
        note = json.loads((here / "run/export" / name / "lorarun.json").read_text())
        assert {key: note[key] for key in ("weights_digest", "base_digest", "plan_digest", "token_digest")} == {
            key: summary[key] for key in ("weights_digest", "base_digest", "plan_digest", "token_digest")
        }
        assert note["spec"]["optimization"]["lora"]["rank"] == 2
        assert {part["name"] for part in note["parity"]["parts"]} == {"merged", "adapter"}
        assert set(note["stores"]) == {"tales"}
    config = json.loads((here / "run/export/merged/config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]) == (None, 256, 257)
    for name in FOLDERS:
        tokenizer = Tokenizer.from_file(str(here / "run/export" / name / "tokenizer.json"))
        assert tokenizer.encode("tale").ids == [*b"tale"]


def test_a_finished_run_exports_again_only_what_is_gone_or_asked_otherwise(here: Path) -> None:
    done = again(here)
    assert (done.exit_code, "nothing is left to do" in done.stdout, done.changed) == (0, True, set())

    kept = load_file(here / "run/export/merged/model.safetensors")
    shutil.rmtree(here / "run/export")
    assert again(here).exit_code == 0
    made = load_file(here / "run/export/merged/model.safetensors")
    assert kept.keys() == made.keys()
    assert all(np.array_equal(kept[name], made[name]) for name in kept)

    done = again(here, "export/dtype=bfloat16", "export/accept_lossy=true", "export/adapter=false")
    assert done.exit_code == 0, done.stderr
    assert "changed: export/dtype" in done.stdout
    assert [path.name for path in sorted((here / "run/export").iterdir())] == ["manifest.json", "merged"]
    assert json.loads((here / "run/export/merged/config.json").read_text())["torch_dtype"] == "bfloat16"
    assert not list((here / "run").glob(".*"))


@pytest.mark.parametrize("lost", ["the asked export", "the weights"])
def test_a_run_that_died_before_its_export_was_summed_up_exports_again(lost: str, here: Path) -> None:
    summary = here / "run/summary.json"
    old = read_json(summary)
    if lost == "the asked export":
        assert again(here, "export/dtype=bfloat16", "export/accept_lossy=true", "export/adapter=false").exit_code == 0
    else:
        old["weights_digest"] = "0" * 64
    write_facts(summary, old)
    done = again(here)
    assert (done.exit_code, "nothing is left to do" in done.stdout) == (0, False), done.stderr
    assert sorted(path.name for path in (here / "run/export").iterdir() if path.is_dir()) == FOLDERS
    assert "nothing is left to do" in again(here).stdout


def test_an_export_that_is_refused_leaves_the_one_that_was_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(here / "run/export")
    monkeypatch.setattr("runner.export.parity.LEAST_AGREEMENT", 1.1)
    done = again(here, "export/dtype=bfloat16")
    assert (done.exit_code, tree(here / "run/export") == before) == (77, True)
    assert "rounded to bfloat16, export/merged is not the trained model" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_export_comes_back_where_a_process_died_putting_another_in_its_place(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(here / "run/export")
    (here / "run/export").rename(here / "run/.partial-export-old")
    shutil.copytree(here / "run/.partial-export-old/merged", here / "run/.partial-export/merged")
    monkeypatch.setattr("runner.export.parity.LEAST_AGREEMENT", 1.1)
    assert again(here, "export/dtype=bfloat16").exit_code == 77
    assert tree(here / "run/export") == before
    assert not list((here / "run").glob(".partial*"))


def test_an_export_comes_back_where_another_cannot_get_its_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, rename = tree(here / "run/export"), Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name == ".partial-export":
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    assert again(here, "export/adapter=false").exit_code == 74
    assert tree(here / "run/export") == before


@pytest.mark.parametrize("sealed", [True, False])
def test_an_export_of_other_weights_is_set_aside_where_none_is_asked(sealed: bool, here: Path) -> None:
    if not sealed:
        (here / "run/export/manifest.json").unlink()
    before = tree(here / "run/export")
    stage = "[{name: tales, rate: 1.0, style: PADDED}]"
    more = ("training/post_lora_tokens=[256, 256]", f"training/post_lora_dataset=[{stage}, {stage}]")
    more = (*more, "export/merged=false", "export/adapter=false")
    done = again(here, *more)
    assert done.exit_code == 0, done.stderr
    (aside,) = (here / "run").glob("export*")
    assert f"run/export is of other weights than this run's; it is now run/{aside.name}" in done.stdout
    assert tree(aside) == before
    assert "nothing is left to do" in again(here, *more).stdout


def test_an_export_of_these_weights_stays_where_none_is_asked(here: Path) -> None:
    before = tree(here / "run/export")
    done = again(here, "export/merged=false", "export/adapter=false")
    assert (done.exit_code, tree(here / "run/export") == before) == (0, True)
    assert "run/export is left as it was" in done.stdout


def test_verify_tells_an_export_of_other_weights_than_the_run_ended_with(here: Path) -> None:
    summary = read_json(here / "run/summary.json")
    write_facts(here / "run/summary.json", {**summary, "weights_digest": "f" * 64})
    done = lorarun(here, "verify", "run")
    assert (done.exit_code, "and summary.json of ffffffffffff" in done.stdout) == (74, True)
    write_facts(here / "run/summary.json", {**summary, "weights_digest": "f" * 64, "steps": 2})
    assert lorarun(here, "verify", "run").exit_code == 0  # a run that was extended, and has not come to its end


def test_verify_reads_an_export_again(here: Path) -> None:
    done = lorarun(here, "verify", "run")
    assert "export: intact: weights " in done.stdout
    path = here / "run/export/adapter/adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    done = lorarun(here, "verify", "run")
    assert done.exit_code == 74
    assert "export: damaged: the bytes of adapter/adapter_model.safetensors have changed" in done.stdout


def test_a_run_without_adapters_exports_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = again(tmp_path, "training/post_lora_tokens=[]", "training/post_lora_dataset=[]")
    assert done.exit_code == 0, done.stderr
    assert [path.name for path in sorted((tmp_path / "run/export").iterdir())] == ["manifest.json", "merged"]
