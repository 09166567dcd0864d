"""`lorarun init`: whatever flags and answers ask for, the spec is silent under the linter and has a plan."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.commands.init.command import SIZES as FLAG_SIZES
from runner.commands.init.datasets import STYLES
from runner.data.sources import BUILTIN
from schema.document import SCHEMA_FILE
from schema.starter import SIZES
from tests.runner.commands.starter_folder import FILES, fill, init, made, spec_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A working directory for many examples, none of which writes into it."""
    before, folder = Path.cwd(), Path(tempfile.mkdtemp())
    fill(folder)
    os.chdir(folder)
    yield folder
    os.chdir(before)
    shutil.rmtree(folder)


# ── any combination of flags ──────────────────────────────────────────────────────────────────────────────────


def flags(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[str]]:
    return st.one_of(st.just([]), values.map(lambda value: [name, str(value)]))


DATA = st.lists(st.sampled_from([*BUILTIN, *FILES]), max_size=4, unique=True)
MODELS = st.one_of(
    st.just(["--pretrained", "runs/base"]),
    st.tuples(
        flags("--family", st.just("gpt")),
        flags("--size", st.sampled_from([*SIZES])),
        flags("--n-layers", st.integers(1, 64)),
        flags("--n-embd", st.integers(4, 4096).map(lambda half: 2 * half)),
        flags("--block-size", st.integers(1, 2048)),
        flags("--tokenizer", st.sampled_from(["byte", "gpt2", "o200k_base"])),
    ).map(lambda parts: [word for part in parts for word in part]),
)
BUDGETS = st.one_of(
    st.just([]),
    st.integers(200_000, 10**12).map(lambda tokens: ["--full-tokens", str(tokens)]),
    st.tuples(st.integers(200_000, 10**12), st.integers(2, 400)).map(
        lambda drawn: ["--full-tokens", str(drawn[0]), "--lora-tokens", str(max(40_000, drawn[0] * drawn[1] // 100))]
    ),
    st.integers(40_000, 10**12).map(lambda tokens: ["--full-tokens", str(tokens), "--lora-tokens", "0"]),
    st.integers(40_000, 10**12).map(lambda tokens: ["--full-tokens", "0", "--lora-tokens", str(tokens)]),
)


@st.composite
def combinations(draw: st.DrawFn) -> list[str]:
    budgets = draw(BUDGETS)
    zero = {flag for flag, tokens in zip(budgets[::2], budgets[1::2], strict=True) if tokens == "0"}
    arguments = [*draw(MODELS), *budgets]
    if "--full-tokens" not in zero:
        arguments += [word for name in draw(DATA) for word in ("--data", name)]
    if "--lora-tokens" not in zero:
        arguments += [word for name in draw(DATA) for word in ("--lora-data", name)]
        arguments += draw(flags("--rank", st.just(1)))
    return arguments


@settings(max_examples=150)
@given(combinations())
@pytest.mark.usefixtures("shared")
def test_any_combination_of_flags_makes_a_silent_spec_that_has_a_plan(arguments: list[str]) -> None:
    made(*arguments)


NUMBERS = st.integers(0, 5000)
ANYTHING = st.tuples(
    flags("--size", st.sampled_from([*SIZES])),
    flags("--n-layers", NUMBERS),
    flags("--n-embd", NUMBERS),
    flags("--n-head", NUMBERS),
    flags("--block-size", NUMBERS),
    flags("--batch-size", NUMBERS),
    flags("--rank", NUMBERS),
    flags("--pretrained", st.sampled_from(["runs/base", "runs"])),
    flags("--tokenizer", st.sampled_from(["byte", "gpt9"])),
    flags("--data", st.sampled_from(["pydoc", "pydok", "notes.txt", "nothing.txt", "runs/base", ".", ""])),
    flags("--lora-data", st.sampled_from(["pydoc", "chats.jsonl"])),
    flags("--full-tokens", st.sampled_from(["0", "1", "300K", "1e9", "-1", "x", "1e400", "3.5"])),
    flags("--lora-tokens", st.sampled_from(["0", "1", "300K", "1e9"])),
)


@settings(max_examples=150)
@given(ANYTHING)
@pytest.mark.usefixtures("shared")
def test_what_cannot_be_silent_is_told_or_refused_with_a_reason(parts: tuple[list[str], ...]) -> None:
    arguments = [word for part in parts for word in part]
    result = init("-", "--yes", *arguments)
    if result.exit_code == 0:
        assert ("warning[" in result.stderr) or spec_of(result.stdout)
    else:
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        assert re.search(r"^(Error|lorarun): \S", result.stderr, re.MULTILINE)
        assert "Traceback" not in result.stderr
        assert "unexpected" not in result.stderr


@pytest.mark.parametrize(("full", "lora"), [*product(["pystdlib", "texts.jsonl"], ["pydoc", "chats.jsonl"])])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_takes_every_kind_of_data(here: Path, size: str, full: str, lora: str) -> None:
    spec = made("--size", size, "--data", full, "--lora-data", lora)
    assert spec.architecture.n_embd == SIZES[size].n_embd
    assert [stage[0].style for stage in spec.training.pre_lora_dataset] == ["PMD"]
    assert [stage[0].style for stage in spec.training.post_lora_dataset] == ["PADDED"]


def test_the_flags_offer_the_sizes_and_know_the_built_in_datasets() -> None:
    assert tuple(SIZES) == FLAG_SIZES
    assert BUILTIN.keys() == STYLES.keys()


# ── what it says ──────────────────────────────────────────────────────────────────────────────────────────────


def test_without_flags_it_is_the_quick_start(here: Path) -> None:
    result = init("--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "lorarun: wrote spec.yaml; next: lorarun validate --env spec.yaml\n"
    text = (here / "spec.yaml").read_text(encoding="utf-8")
    spec = spec_of(text)
    assert [spec.training.pre_lora_tokens, spec.training.post_lora_tokens] == [[655_360], [245_760]]
    assert "pre_lora_tokens: [655_360] # 160 steps of 16 × 256 tokens\n" in text
    assert all("#" in line for line in text.splitlines() if re.match(r" *\w+: \S", line))


def test_the_first_line_names_the_schema_so_that_editors_find_it(here: Path) -> None:
    first = init("-", "--yes").stdout.splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE.as_uri()}"


def test_below_the_working_directory_the_schema_is_named_by_a_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SCHEMA_FILE.parents[1])
    first = init("-", "--yes").stdout.splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema/spec.schema.json"


def test_tokens_are_rounded_to_whole_steps_and_the_spec_says_so(here: Path) -> None:
    text = init("-", "--yes", "--full-tokens", "1M").stdout
    assert "[999_424] # 244 steps of 16 × 256 tokens, the nearest to 1,000,000" in text


def test_a_small_budget_gets_a_small_batch_unless_a_flag_names_one(here: Path) -> None:
    assert made("--full-tokens", "50K", "--lora-tokens", "50K").training.batch_size == 4
    assert made("--full-tokens", "500K", "--lora-tokens", "500K", "--batch-size", "32").training.batch_size == 32


def test_rates_add_up_to_one_whatever_the_number_of_datasets(here: Path) -> None:
    (mixture,) = made(*(word for name in ("pydoc", *FILES) for word in ("--data", name))).training.pre_lora_dataset
    assert [entry.rate for entry in mixture] == [0.142857] * 6 + [0.142858]


def test_a_dataset_of_both_phases_is_one_source(here: Path) -> None:
    spec = made("--data", "notes.txt")
    assert [*spec.data.sources] == ["notes"]
    assert spec.training.post_lora_dataset == spec.training.pre_lora_dataset


def test_zero_tokens_leave_a_phase_out(here: Path) -> None:
    full = made("--lora-tokens", "0")
    assert (full.training.post_lora_tokens, full.training.post_lora_dataset) == ([], [])
    lora = init("-", "--yes", "--full-tokens", "0").stdout
    assert spec_of(lora).training.pre_lora_tokens == []
    assert "# Run:   lorarun exec spec.yaml --restore RUN\n" in lora


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "pydok"], "lorarun: 'pydok' is neither a built-in dataset nor a file; did you mean pydoc?"),
        (["--data", "nothing.txt"], "lorarun: 'nothing.txt' does not exist"),
        (["--data", "runs"], "lorarun: 'runs' names no .txt, .md, .jsonl, .json, .csv, .tsv, .parquet or .arrow file"),
        (["--data", "a\nb.txt"], "holds signs that a spec can't; rename it"),
        (["--data", "notes.txt", "--full-tokens", "0"], "--data is for phase full, which --full-tokens 0 leaves out"),
        (["--rank", "4", "--lora-tokens", "0"], "--rank is for phase lora, which --lora-tokens 0 leaves out"),
        (["--lora-data", "pydoc", "--lora-tokens", "0"], "--lora-data is for phase lora"),
        (["--full-tokens", "0", "--lora-tokens", "0"], "a run needs a phase"),
        (["--pretrained", "runs/base", "--n-embd", "8"], "--n-embd is that of the run which --pretrained names"),
        (["--pretrained", "many"], "lorarun: there is no run and no checkpoint in 'many'"),
        (["--family", "gtp"], "--family can't be 'gtp'; write gpt"),
        (["--tokenizer", "gpt3"], "--tokenizer can't be 'gpt3'; write gpt2"),
        (["--full-tokens", "1.5"], "'1.5' is no number of tokens; write 300M, for instance"),
        (["--n-embd", "65"], "error[LR503 odd-rotary]"),
    ],
)
def test_what_does_not_go_is_refused_and_nothing_written(here: Path, arguments: list[str], sentence: str) -> None:
    result = init("--yes", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert "fixable" not in result.stderr
    assert not (here / "spec.yaml").exists()


def test_a_file_that_is_there_is_kept_unless_forced(here: Path) -> None:
    (here / "spec.yaml").write_text("mine")
    result = init("--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "lorarun: spec.yaml is there already; name another file, or give --force\n"
    assert (here / "spec.yaml").read_text() == "mine"
    assert init("--yes", "--force").exit_code == 0
    spec_of((here / "spec.yaml").read_text(encoding="utf-8"))


def test_a_file_of_data_is_never_written_over(here: Path) -> None:
    """As when the shell makes two words of `--data *.txt`."""
    result = init("--yes", "--force", "--data", "notes.txt", "texts.jsonl")
    assert result.exit_code == 2
    assert "'texts.jsonl' is no name for a spec; write one that ends in .yaml" in result.stderr
    assert (here / "texts.jsonl").read_text() == '{"text": "words"}\n'


def test_a_folder_that_is_not_there_is_a_failure_of_storage(here: Path) -> None:
    result = init("no/spec.yaml", "--yes")
    assert (result.exit_code, result.stderr) == (74, "lorarun: can't write no/spec.yaml: No such file or directory\n")


# ── questions ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["runner.commands.init.command"], "_on_terminal", lambda: True)


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_questions_are_asked_until_the_answer_can_be_used(here: Path) -> None:
    answers = "huge\ntiny\npydok\npystdlib, notes.txt\n1x\n300K\nchats.jsonl\n100K\n"
    result = init("-", answers=answers)
    assert result.exit_code == 0, result.output
    spec = spec_of(result.stdout)
    assert [entry.name for entry in spec.training.pre_lora_dataset[0]] == ["pystdlib", "notes"]
    assert [entry.name for entry in spec.training.post_lora_dataset[0]] == ["chats"]
    assert sum(spec.training.pre_lora_tokens) == pytest.approx(300_000, rel=0.01)
    errors = [line.split()[1] for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert errors == ["'huge'", "'pydok'", "'1x'"]


@pytest.mark.usefixtures("terminal")
def test_an_empty_answer_takes_the_default(here: Path) -> None:
    assert init("-", answers="\n" * 5).stdout == init("-", "--yes").stdout


@pytest.mark.usefixtures("terminal")
def test_what_a_flag_says_is_not_asked(here: Path) -> None:
    flags = ["--size", "tiny", "--data", "pydoc", "--full-tokens", "1M", "--lora-data", "pydoc", "--lora-tokens", "1M"]
    result = init("-", *flags, answers="")
    assert (result.exit_code, result.stderr) == (0, "")
    assert init("-", "--yes", answers="").stderr == ""


@pytest.mark.usefixtures("terminal")
def test_a_run_can_be_the_answer_and_a_phase_left_out(here: Path) -> None:
    spec = spec_of(init("-", answers="runs/base\n\nnotes.txt\n\n").stdout)
    assert spec.architecture.pretrained == "runs/base"
    assert spec.training.pre_lora_tokens == []
    assert spec_of(init("-", answers="\n\n\nnone\n").stdout).training.post_lora_tokens == []


def test_where_nobody_can_answer_nothing_is_asked(here: Path) -> None:
    command = [sys.executable, "-m", "runner.cli", "init", "-"]
    env = {**os.environ, "PYTHONPATH": str(SCHEMA_FILE.parents[1])}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    spec_of(done.stdout)
