"""`lorarun data`: what it prepares, what it writes where, which rows it chooses, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.commands.guide.shapes import SHAPES
from runner.data.sources.tokens import UNCHECKED
from tests.runner.data.token_files import nano_gpt
from tests.runner.workplace import SPEC, fill, located, lorarun

ROOT = Path(__file__).resolve().parents[3]
FIELDS = "dataset 'tales': fields read: 'prompt' and 'completion'\n"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def rows(here: Path, *options: str) -> list[int]:
    """The numbers of the rows that are shown."""
    done = lorarun(here, "data", "spec.yaml", "--format", "json", *options)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line)["number"] for line in done.stdout.splitlines()]


def test_what_is_missing_is_prepared_once_and_said_on_standard_error(here: Path) -> None:
    first, second = (lorarun(here, "data", "spec.yaml", "--show", "1") for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stderr.endswith("preparing tales\n" + FIELDS)
    assert {path.partition("/")[0] for path in first.changed} == {"stores"}
    assert first.stdout == second.stdout
    assert "preparing" not in second.stderr
    assert second.changed == set()


def test_a_row_in_json_has_five_fields_with_the_version_and_standard_output_has_nothing_else(here: Path) -> None:
    done = lorarun(here, "data", "spec.yaml", "--format", "json", "--set", "architecture/block_size=22")
    assert done.exit_code == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all([*row] == ["version", *SHAPES["data"]] for row in found)
    assert all(len(row["tokens"]) == len(row["supervised"]) for row in found)
    assert (len(found), found[0]["source"], found[0]["text"]) == (99, "tales", "tale 0: 0 times round<|endoftext|>")
    assert done.stderr.endswith(
        f"preparing tales\n{FIELDS}"
        "tales (train): 96 of 99 examples are longer than block_size + 1 = 23 tokens and are truncated\n"
        "tales (val): 1 of 1 examples are longer than block_size + 1 = 23 tokens and are truncated\n"
    )


def test_rows_are_chosen_by_number_split_and_dataset(here: Path) -> None:
    assert rows(here) == list(range(99))
    assert rows(here, "--show", "2") == [0, 1]
    assert rows(here, "--show", "2", "--from", "97") == [97, 98]
    assert rows(here, "--from", "98", "--show", "5") == [98]
    assert rows(here, "--split", "val") == [0]
    assert rows(here, "--source", "tales", "--show", "1") == [0]
    assert rows(here, "--show", "0") == []
    assert len(rows(here, "--step", "1")) == 4
    heading = "step 1 (phase full, stage 1): 4 rows of tales"
    assert f"\n{heading}; shown are 3\n" in lorarun(here, "data", "spec.yaml", "--step", "1").stdout
    assert f"\n{heading}\n" in lorarun(here, "data", "spec.yaml", "--step", "1", "--show", "4").stdout
    assert rows(here, "--step", "1", "--show", "2", "--source", "tales") == rows(here, "--step", "1")[:2]


def test_the_tables_alone_are_shown_where_no_row_is_asked_for(here: Path) -> None:
    lines = lorarun(here, "data", "spec.yaml", "--show", "0").stdout.splitlines()
    assert lines[3].startswith("tales (PADDED): 100 documents in stores/tales")
    assert not any(" row " in line for line in lines)
    assert sum(" row " in line for line in lorarun(here, "data", "spec.yaml").stdout.splitlines()) == 3


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a dataset that the spec lacks": (
        ("--source", "tails"),
        "lorarun: --source: the spec names no dataset 'tails'; did you mean tales?\n",
    ),
    "a name that is like no other": (
        ("--source", "web"),
        "lorarun: --source: the spec names no dataset 'web'; write tales\n",
    ),
    "rows beyond the last": (
        ("--from", "99"),
        "lorarun: --from 99: the rows of 'tales' (train) are 0 to 98; write one of them, or name another dataset with "
        "--source\n",
    ),
    "a step beyond the last": (
        ("--step", "5"),
        "lorarun: --step 5: the steps of the plan are 1 to 4; write one of them\n",
    ),
    "rows of a step that are not its own": (
        ("--step", "1", "--from", "0"),
        "lorarun: --step says which rows are shown; leave out --from and --split\n",
    ),
    "a split that is not opened": (
        ("--split", "val", "--set", "training/validation=false", "--set", "training/evaluate=false"),
        "lorarun: --split val: there is nothing to validate with, for training/validation is false; leave it out\n",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("layout", ["text", "json"])
def test_what_the_data_do_not_have_is_refused_in_one_sentence(case: str, layout: str, here: Path) -> None:
    options, sentence = REFUSED[case]
    done = lorarun(here, "data", "spec.yaml", "--format", layout, *options)
    assert done.exit_code == 2
    if layout == "json":
        found = json.loads(done.stdout)
        assert f"lorarun: {found['message']}; {found['remedy']}\n" == sentence
    else:
        assert done.stdout == ""
        assert done.stderr.endswith(sentence)


@pytest.mark.parametrize("options", [("--show", "-1"), ("--from", "-1"), ("--show", "two"), ("--split", "test")])
def test_numbers_and_choices_that_there_are_not_are_wrong_usage(options: tuple[str, str], here: Path) -> None:
    done = lorarun(here, "data", "spec.yaml", *options)
    assert (done.exit_code, done.stdout, done.changed) == (2, "", set())
    assert f"Invalid value for '{options[0]}'" in done.stderr


def test_a_dataset_that_there_is_not_is_refused_where_it_is_named(here: Path) -> None:
    (here / "spec.yaml").write_text(SPEC.replace("name: tales", "name: tails"))
    done = lorarun(here, "data", "spec.yaml")
    assert (done.exit_code, done.stdout, done.changed) == (2, "", set())
    assert located(done.stderr) == (
        "spec.yaml:10:30: error[LR208 dataset-not-found]: dataset 'tails' is neither built in, nor in data/sources or "
        "the catalogue, nor a store under data/root 'stores'",
        "write tales",
    )


def test_a_damaged_store_and_a_malformed_record_are_those_of_exec(here: Path) -> None:
    with (here / "tales.jsonl").open("a") as file:
        file.write("{\n")
    done = lorarun(here, "data", "spec.yaml")
    assert (done.exit_code, done.stdout, done.changed) == (2, "", set())
    assert "lorarun: tales.jsonl:101: not JSON: " in done.stderr
    fill(here)
    lorarun(here, "data", "spec.yaml")
    (here / "stores/tales/train.tokens.bin").write_bytes(b"")
    done = lorarun(here, "data", "spec.yaml")
    assert (done.exit_code, done.stdout, done.changed) == (74, "", set())
    assert "train.tokens.bin has 0 bytes where meta.json says" in done.stderr


def test_a_mesh_of_many_devices_needs_none(here: Path) -> None:
    done = lorarun(here, "data", "spec.yaml", "--set", "mesh/fsdp=2", "--set", "mesh/tensor=4")
    assert done.exit_code == 0, done.stderr


def test_no_accelerator_is_looked_for(here: Path) -> None:
    script = (
        "import sys\nfrom runner.cli import main\nmain(['data', 'spec.yaml'], standalone_mode=False)\n"
        "print('loaded', [name for name in ('jax', 'flax', 'grain') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_colours_take_the_place_of_signs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = lorarun(here, "data", "spec.yaml", "--show", "1").stdout
    assert "\x1b" not in plain
    assert "│ tale 0: ⟦0 times round‹<|endoftext|>›⟧‹<|pad|>› × 11" in plain
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = lorarun(here, "data", "spec.yaml", "--show", "1").stdout
    assert "tale 0: \x1b[4;32m0 times round\x1b[0m\x1b[4;36m<|endoftext|>\x1b[0m\x1b[36m<|pad|>\x1b[0m × 11" in coloured
    assert not set("⟦⟧‹›") & set(coloured)


@pytest.mark.parametrize("layout", ["text", "json"])
def test_a_reader_that_has_gone_is_no_error(layout: str, here: Path) -> None:
    shell = f"'{sys.executable}' -m runner.cli data spec.yaml --show 99 --format {layout} | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    assert done.stderr.endswith("preparing tales\n" + FIELDS)


def test_tokens_of_another_program_are_shown_as_text_and_as_unchecked(here: Path) -> None:
    nano_gpt(here / "nano")
    asked = (
        "--set=data/sources={tales: {tokens: nano, dtype: uint16}}",
        "--set=training/pre_lora_dataset=[[{name: tales, rate: 1.0, style: PMD}]]",
        "--set=training/post_lora_dataset=[[{name: tales, rate: 1.0, style: PMD}]]",
    )
    before = lorarun(here, "validate", "spec.yaml", "--env", *asked)
    done = lorarun(here, "data", "spec.yaml", "--show", "1", *asked)
    (here / "nano").rename(here / "moved")
    asked = tuple(each.replace("tokens: nano", "tokens: moved") for each in asked)
    after = lorarun(here, "validate", "spec.yaml", "--env", *asked)
    assert [done.exit_code, before.exit_code, after.exit_code] == [0, 0, 0], done.stderr + before.stdout
    assert UNCHECKED in done.stdout
    assert f"dataset 'tales': {UNCHECKED}" in done.stderr
    assert "T⟦he owl slept. It woke at dusk.‹<|endoftext|>›" in done.stdout
    assert not (here / "stores/tales/train.tokens.bin").exists()
    assert "epochs" not in before.stdout
