"""Bad data and bad folders are refused by one exact sentence and exit code, and leaves the working directory as it was.

A token store may appear where the data is valid: it is a cache that the next run uses.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.files.digested_json import read_json, write_facts
from runner.run.execution import ExecutionSpec
from runner.run.record import create_run_dir
from schema.lint import load_spec
from tests.runner.data.written_store import install_store
from tests.runner.sealed_checkpoint import seal_checkpoint
from tests.runner.workplace import fill, located, lorarun

EXEC = ("exec", "spec.yaml", "--run-dir", "run")
STORES = {"stores", "stores/tales", *(f"stores/tales/{name}" for name in ("meta.json",))} | {
    f"stores/tales/{split}.{kind}.bin" for split in ("train", "val") for kind in ("tokens", "offsets", "supervised")
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the commands, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def half_a_parquet(here: Path) -> None:
    path = here / "tales.parquet"
    pq.write_table(pa.table({"prompt": ["a"] * 100, "completion": ["b"] * 100}), path)
    path.write_bytes(path.read_bytes()[:-100])
    replace(here, "tales.jsonl", "tales.parquet")


def latin_1(here: Path) -> None:
    (here / "tales.txt").write_bytes("eins\nfünf\n".encode("latin-1"))
    replace(here, "tales.jsonl", "tales.txt")


def replace(here: Path, old: str, new: str) -> None:
    spec = here / "spec.yaml"
    spec.write_text(spec.read_text().replace(old, new))


# How the data is broken, and the sentence for it.
DATA: dict[str, tuple[Callable[[Path], object], str]] = {
    "an empty file": (
        lambda here: (here / "tales.jsonl").write_text(""),
        "dataset 'tales' holds no text; give it at least one document",
    ),
    "a malformed line": (
        lambda here: (here / "tales.jsonl").write_text('{"text": "one"}\n{"text": "two",\n'),
        "tales.jsonl:2: not JSON: Expecting property name enclosed in double quotes at column 1",
    ),
    "a line that is no UTF-8": (
        lambda here: (here / "tales.jsonl").write_bytes(b'{"text": "one"}\n{"text": "\xff"}\n'),
        "tales.jsonl:2: byte 0xff is not UTF-8; convert the file",
    ),
    "a text that is no UTF-8": (latin_1, "tales.txt:2: byte 0xfc is not UTF-8; convert the file"),
    "a truncated parquet": (
        half_a_parquet,
        "tales.parquet: not a readable parquet file: Parquet magic bytes not found in footer. Either the file is "
        "corrupted or this is not a parquet file.",
    ),
}


@pytest.mark.parametrize("defect", DATA)
def test_data_that_cannot_be_read_leaves_nothing_behind(defect: str, here: Path) -> None:
    damage, sentence = DATA[defect]
    damage(here)
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    refusal = done.stderr[done.stderr.index("lorarun: ") :]  # behind what the linter says of the style
    assert refusal == f"lorarun: {sentence}\n"


def test_an_unknown_dataset_is_refused_where_it_is_named(here: Path) -> None:
    replace(here, "name: tales", "name: tails")
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    assert located(done.stderr) == (
        "spec.yaml:10:30: error[LR208 dataset-not-found]: dataset 'tails' is neither built in, nor in data/sources "
        "or the catalogue, nor a store under data/root 'stores'",
        "write tales",
    )
    assert "spec.yaml:12:31: note: named here too" in done.stderr.splitlines()


def test_a_missing_file_is_refused_where_its_path_stands(here: Path) -> None:
    (here / "tales.jsonl").unlink()
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    assert located(done.stderr) == (
        "spec.yaml:4:27: error[LR208 dataset-not-found]: data/sources/tales/path: 'tales.jsonl' does not exist",
        "name a .txt, .md, .jsonl, .json, .csv, .tsv, .parquet or .arrow file that exists",
    )


def make_store(here: Path, token: int) -> None:
    """Write a store whose texts hold this token id, and take its source away."""
    documents = [(np.full(20, token, np.int32), [(0, 20)])] * 50
    install_store(here / "stores" / "tales", documents, vocabulary=400)
    replace(here, "sources: {tales: {path: tales.jsonl}}", "sources: {}")


def test_a_store_with_a_token_beyond_the_vocabulary(here: Path) -> None:
    make_store(here, token=350)
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (2, set())
    assert located(done.stderr) == (
        "spec.yaml:1:80: error[LR213 tokenizer-mismatch]: 'tales' holds token id 350, and architecture/vocab_size is "
        "320",
        "write 384",
    )


def test_a_truncated_store(here: Path) -> None:
    make_store(here, token=7)
    tokens = here / "stores" / "tales" / "train.tokens.bin"
    whole = tokens.stat().st_size
    os.truncate(tokens, whole - 2)
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (74, set())
    assert done.stderr == (
        f"lorarun: token store 'stores/tales': train.tokens.bin has {whole - 2} bytes where meta.json says {whole}; "
        "delete the folder to have it made again\n"
    )


def test_an_altered_store(here: Path) -> None:
    make_store(here, token=7)
    tokens = here / "stores" / "tales" / "train.tokens.bin"
    tokens.write_bytes(struct.pack("<H", 8) + tokens.read_bytes()[2:])
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (74, set())
    assert done.stderr == (
        "lorarun: token store 'stores/tales': the content of train.tokens.bin is not what meta.json recorded; "
        "delete the folder to have it made again\n"
    )


def stand_in_run(here: Path, name: str, changes: dict[str, object], checkpoint: bool = False) -> None:
    """Leave what a run with other keys would: its run.json, and a checkpoint's manifest where asked."""
    create_run_dir(ExecutionSpec(load_spec("spec.yaml"), here / name))
    noted = read_json(here / name / "run.json")
    write_facts(here / name / "run.json", {**noted, "spec": noted["spec"] | changes})
    if checkpoint:
        seal_checkpoint(here / name, 2)


def test_a_run_directory_of_another_spec_is_refused_with_the_keys_and_both_values(here: Path) -> None:
    stand_in_run(here, "run", {"optimization/lr": 0.5, "training/seed": 7})
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (78, set())
    assert located(done.stderr) == (
        "--run-dir run:1:1: error[LR612 output-occupied]: run belongs to another spec (optimization/lr was 0.5, is "
        "0.003; training/seed was 7, is 0)",
        "restore those keys, give --run-dir a new or empty folder, or start another run from its weights with exec "
        "--fork NAME",
    )
    assert "spec.yaml:13:20: note: was 0.5" in done.stderr.splitlines()


def test_a_folder_that_is_no_run(here: Path) -> None:
    (here / "run").mkdir()
    (here / "run" / "letters.txt").write_text("mine")
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (78, set())
    assert located(done.stderr) == (
        "--run-dir run:1:1: error[LR612 output-occupied]: run is not empty and holds no run",
        "give --run-dir a new or empty folder",
    )


def test_a_file_for_a_run_directory(here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "tales.jsonl")
    assert (done.exit_code, done.changed) == (78, set())
    assert located(done.stderr) == (
        "--run-dir tales.jsonl:1:1: error[LR612 output-occupied]: tales.jsonl is a file",
        "give --run-dir a new or empty folder",
    )


def test_a_damaged_run_directory(here: Path) -> None:
    (here / "run").mkdir()
    (here / "run" / "run.json").write_text('{"spec"')
    done = lorarun(here, *EXEC)
    assert (done.exit_code, done.changed) == (74, set())
    assert done.stderr.startswith("lorarun: cannot read run/run.json: ")
    remedy = "bring back a copy of that file, or give --run-dir a new or empty folder"
    assert done.stderr.endswith(f"; the run directory is damaged; {remedy}\n")


def test_a_starting_point_without_checkpoint(here: Path) -> None:
    (here / "empty").mkdir()
    done = lorarun(here, *EXEC, "--restore", "empty")
    assert (done.exit_code, done.changed) == (2, set())
    assert located(done.stderr) == (
        "--restore empty:1:1: error[LR609 resume-shape]: empty holds no weights",
        "name a run directory, a folder like runs/NAME/checkpoints/STEP, or a model's folder with config.json",
    )
    for command in (("validate",), ("validate", "--env"), EXEC[:1]):
        done = lorarun(here, *command, "spec.yaml", "--set", "architecture/pretrained=empty")
        finding = "error[LR512 pretrained-config]: 'empty' holds neither a run nor config.json"
        assert located(done.stdout + done.stderr) == (
            f"--set architecture/pretrained=empty:1:25: {finding}",
            "name the whole folder of another model",
        )


def test_a_starting_point_of_another_architecture(here: Path) -> None:
    stand_in_run(here, "old", {"architecture/n_embd": 32, "architecture/bias": False}, checkpoint=True)
    done = lorarun(here, *EXEC, "--restore", "old")
    assert (done.exit_code, done.changed) == (2, set())
    assert located(done.stderr) == (
        "--restore old:1:1: error[LR609 resume-shape]: old holds weights of another architecture: architecture/n_embd "
        "is 32 there and 16 here; architecture/bias is false there and true here",
        "write what it has, or start from other weights",
    )
    assert "spec.yaml:1:37: note: 32 there" in done.stderr.splitlines()


def test_a_run_directory_that_cannot_be_made_below_a_file(here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "tales.jsonl/run")
    assert (done.exit_code, done.changed - STORES) == (74, set())
    assert done.stderr == "lorarun: cannot write the run directory tales.jsonl/run: Not a directory\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_run_directory_without_permission(here: Path) -> None:
    (here / "locked").mkdir(mode=0o500)
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "locked/run")
    assert (done.exit_code, done.changed - STORES) == (74, set())
    assert done.stderr == "lorarun: cannot write the run directory locked/run: Permission denied\n"


def test_weights_and_biases_that_is_not_installed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.metrics.wandb.find_spec", lambda _: None)
    done = lorarun(here, *EXEC, "--set", "logging/wandb=true")
    assert (done.exit_code, done.changed) == (2, set())
    assert done.stderr == (
        "lorarun: logging/wandb is true, and wandb is not installed; pip install 'lorarun[wandb]', or set it to false\n"
    )


def test_a_micro_batch_that_does_not_divide_is_a_remark(here: Path) -> None:
    done = lorarun(here, *EXEC, "--set", "training/per_device_batch_size=3")
    assert done.exit_code == 0, done.stderr
    remark = "training/per_device_batch_size 3 does not divide the 4 rows of a device; 2 is used"
    assert done.stdout.splitlines().count(remark) == 2  # once a phase
