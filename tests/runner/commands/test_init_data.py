"""What `lorarun init` finds out about the data and the runs that it is told of."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from runner.data.sources import Found, find_source
from schema.rules import machine_dependent_value
from schema.text.diagnostic import Severity
from tests.runner.commands.starter_folder import RUN, fill, init, made, spec_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ── data of one's own ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("record", "style", "fields"),
    [
        ({"prompt": "p", "completion": "c", "text": "t"}, "PADDED", {}),
        ({"question": "q", "answer": "a", "id": 3}, "PADDED", {"prompt": "question", "completion": "answer"}),
        ({"prompt": "p", "response": "r"}, "PADDED", {"prompt": "prompt", "completion": "response"}),
        ({"text": "t"}, "PMD", {}),
        ({"title": "t", "content": "c", "url": "u"}, "PMD", {"text": "content"}),
        ({"text": "t", "prompt": "p", "url": "u"}, "PMD", {"text": "text"}),
        ({"story": "s", "n": 1}, "PMD", {"text": "story"}),
        ({"from": "f", "into": "i", "n": 1}, "PADDED", {"prompt": "from", "completion": "into"}),
    ],
)
def test_the_fields_of_records_are_found(
    here: Path, record: dict[str, Any], style: str, fields: dict[str, str]
) -> None:
    (here / "own.jsonl").write_text(json.dumps(record) + "\n")
    pyarrow.parquet.write_table(pyarrow.table({name: [value] for name, value in record.items()}), here / "own.parquet")
    for name in ("own.jsonl", "own.parquet"):
        spec = made("--data", name)
        source = spec.data.sources["own"]
        assert spec.training.pre_lora_dataset[0][0].style == style
        assert {field: getattr(source, field) for field in source.model_fields_set - {"path"}} == fields
        found = find_source("own", spec.data, [style])
        assert found is not None
        assert len([entry for entry in found.documents() if not isinstance(entry, Found)]) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("own.jsonl", '{"a": "1", "b": "2", "c": "3"}', ": the text fields of its records are 'a', 'b' and 'c'; call"),
        (
            "own.jsonl",
            '{"n": 1}',
            ": the text fields of its records are none; call them text, or",
        ),
        ("own.jsonl", "", ": it holds no record"),
        ("own.jsonl", "words", ":1: not JSON: Expecting value"),
        ("own.jsonl", "\udcff", ":1: byte 0xff is not UTF-8; convert the file"),
        ("own.parquet", "words", ": not a readable parquet file: "),
    ],
)
def test_records_that_cannot_be_read_are_refused(here: Path, name: str, content: str, sentence: str) -> None:
    (here / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    result = init("-", "--yes", "--data", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"lorarun: {name}{sentence}" in result.stderr


@pytest.mark.parametrize(
    "name",
    [
        "no.txt",
        "2024.txt",
        "1e3.txt",
        "a b.txt",
        "é#1: x.txt",
        "pydoc.txt",
        "-.txt",
        "..txt",
        "'.txt",
        'q".txt',
        "{}.txt",
    ],
)
def test_files_of_any_name_are_found_again(here: Path, name: str) -> None:
    (here / name).write_text("words")
    spec = made("--data", name, "--data", "notes.txt")
    (dataset, _) = spec.training.pre_lora_dataset[0]
    assert spec.data.sources[dataset.name].path == name
    assert find_source(dataset.name, spec.data) is not None


def test_a_path_below_the_working_directory_is_written_relative_to_it(here: Path) -> None:
    assert made("--data", str(here / "many")).data.sources["many"].path == "many"


def test_a_path_elsewhere_is_kept_as_it_is(here: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "far.txt"
    elsewhere.write_text("words")
    text = init("-", "--yes", "--data", str(elsewhere)).stdout
    assert spec_of(text).data.sources["far"].path == str(elsewhere)
    assert "lorarun: ignore" not in text


def test_the_finding_of_a_path_in_a_home_folder_is_silenced_in_view(
    here: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / "far.txt").write_text("words")
    forms = ((re.compile(re.escape(str(home))), "is somebody's", Severity.INFO, "write another path"),)
    monkeypatch.setattr(machine_dependent_value, "FORMS", forms)
    text = init("-", "--yes", "--data", str(home / "far.txt")).stdout
    assert "    # lorarun: ignore[machine-dependent-value]: only this machine has it\n    far:" in text


def test_two_files_of_one_name_get_two_names(here: Path) -> None:
    (here / "many" / "notes.txt").write_text("words")
    assert [*made("--data", "notes.txt", "--data", "many/notes.txt").data.sources] == ["notes", "notes-2"]


# ── the weights of a run ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("run", ["runs/base", "runs/base/checkpoints/7"])
def test_a_run_gives_its_model_and_tokenizer(here: Path, run: str) -> None:
    spec = made("--pretrained", run)
    assert spec.architecture == RUN.architecture.model_copy(update={"pretrained": run})
    assert spec.tokenizer == RUN.tokenizer
    assert (spec.training.batch_size, spec.optimization.lora.lr) == (4, 2e-3)
    assert spec.training.pre_lora_tokens == []


def test_a_run_is_trained_further_in_phase_full_when_a_flag_speaks_of_it(here: Path) -> None:
    for arguments in (["--data", "notes.txt"], ["--full-tokens", "300K"]):
        assert made("--pretrained", "runs/base", *arguments).training.pre_lora_tokens != []


def test_a_run_elsewhere_is_named_by_its_whole_path(here: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.move(here / "runs", elsewhere)
    text = init("-", "--yes", "--pretrained", str(elsewhere / "runs" / "base")).stdout
    assert spec_of(text).architecture.pretrained == str(elsewhere / "runs" / "base")
    assert "lorarun: ignore" not in text
