"""Commands with the tokenizer of a Hugging Face folder: the same verdict everywhere, its facts in the plan, a run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.data.catalog import open_catalog
from runner.data.stores.display import Silent
from runner.data.stores.meta import read_meta
from runner.environment import survey
from runner.failure import ExitCode, Failure
from runner.plan.compile import compile_plan
from schema.document import read_document
from schema.environment import TokenizerFacts
from schema.lint import load_spec
from tests.runner.commands.smol_folder import fill
from tests.runner.data.tokenizer_folders import byte_level, folder, prefixed
from tests.runner.workplace import NO_EXPORT, located, lorarun

EXEC = ("exec", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in NO_EXPORT))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec whose tokenizer is the one in `smol`."""
    return fill(tmp_path, monkeypatch)


def test_the_plan_shows_the_tokenizer(here: Path) -> None:
    done = lorarun(here, "plan", "spec.yaml")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[2] == (
        "tokenizer huggingface smol: 300 ids · a document ends with </s> (2) · padding is <pad> (3), never trained"
    )
    folder(here / "smol", prefixed(), tokenizer_config={"eos_token": "</s>"})
    opened, bare = (
        lorarun(here, "plan", "spec.yaml", "--set", f"tokenizer/add_bos={value}") for value in ("null", "false")
    )
    assert "a document begins with <s> (1) and ends with </s> (2) · padding is </s> (2)" in opened.stdout
    assert "a document ends with </s> (2) and begins without <s> (1) ·" in bare.stdout
    read = json.loads(lorarun(here, "plan", "spec.yaml", "--format", "json").stdout)["tokenizer"]
    assert (read["backend"], read["name"], read["facts"]["eos"]) == ("huggingface", "smol", {"name": "</s>", "id": 2})


REFUSED: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "no folder": (
        lambda here: (here / "smol").rename(here / "there"),
        "15:41: error[LR216 tokenizer-not-found]: tokenizer/name 'smol' is no folder",
        "name the folder that holds tokenizer.json",
        "",
    ),
    "no end of text": (
        lambda here: (here / "smol" / "tokenizer_config.json").write_text("{}"),
        "15:41: error[LR216 tokenizer-not-found]: the tokenizer in 'smol' names no end of text, which separates "
        "documents",
        'write "eos_token" with one of its tokens into tokenizer_config.json',
        "",
    ),
    "no beginning of text": (
        lambda here: None,
        "1:19: error[LR216 tokenizer-not-found]: tokenizer/add_bos is true, and the tokenizer in 'smol' names no "
        "beginning of text",
        'write "bos_token" with one of its tokens into tokenizer_config.json, or tokenizer/add_bos: false',
        "tokenizer/add_bos=true",
    ),
    "more ids than rows": (
        lambda here: None,
        "1:25: error[LR504 vocab-too-small]: vocab_size is 256, and the tokenizer smol has 300 ids",
        "write 320",
        "architecture/vocab_size=256",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_command_refuses_the_same_with_one_finding(case: str, here: Path) -> None:
    spoil, finding, remedy, override = REFUSED[case]
    spoil(here)
    setting = ("--set", override) if override else ()
    place = f"--set {override}" if override else "spec.yaml"
    for arguments, exit_code in ((("validate", "--env", "spec.yaml"), 1), (("plan", "spec.yaml"), 2), (EXEC, 2)):
        done = lorarun(here, *arguments, *setting)
        assert (done.exit_code, done.changed) == (exit_code, set())
        assert located(done.stdout if exit_code == 1 else done.stderr) == (f"{place}:{finding}", remedy)
    spec = load_spec("spec.yaml", [override] if override else [])
    with pytest.raises(Failure) as refused:
        open_catalog(spec, compile_plan(spec), Silent())
    assert refused.value.exit_code is ExitCode.INVALID


def test_a_tokenizer_that_the_library_cannot_load_is_refused_before_anything_is_written(here: Path) -> None:
    (here / "smol" / "tokenizer.json").write_text('{"model": {"type": "Morse", "vocab": {"</s>": 0, "<pad>": 1}}}')
    done = lorarun(here, *EXEC)
    assert done.exit_code == 2
    assert "can't load 'smol/tokenizer.json': " in done.stderr
    assert not any(path.startswith("stores") for path in done.changed)


def test_a_file_that_cannot_be_read_is_exit_code_74_everywhere(here: Path) -> None:
    (here / "smol" / "special_tokens_map.json").mkdir()
    for arguments in (("validate", "--env", "spec.yaml"), ("plan", "spec.yaml"), EXEC):
        done = lorarun(here, *arguments)
        assert (done.exit_code, done.changed) == (74, set())
        assert done.stderr == "lorarun: tokenizer file 'smol/special_tokens_map.json' cannot be read: Is a directory\n"


def test_a_run_trains_on_the_ids_of_the_folder(here: Path) -> None:
    done = lorarun(here, *EXEC)
    assert done.exit_code == 0, done.stderr
    meta = read_meta("stores", "tales")
    assert meta is not None
    assert (meta.vocabulary, meta.end, meta.pad) == (300, 2, 3)
    assert meta.tokenizer.startswith("huggingface/")


def test_a_store_is_that_of_the_content_wherever_the_folder_lies(here: Path) -> None:
    spec = load_spec("spec.yaml")
    digests = open_catalog(spec, compile_plan(spec), Silent()).digests()
    (here / "smol").rename(here / "moved")
    moved = ["tokenizer/name=moved"]
    look = survey()(read_document((here / "spec.yaml").read_bytes(), "spec.yaml", moved))
    assert isinstance(look.tokenizer, TokenizerFacts)
    assert look.datasets["tales", ""].store is not None
    spec = load_spec("spec.yaml", moved)
    assert open_catalog(spec, compile_plan(spec), Silent()).digests() == digests
    folder(here / "moved", byte_level(), tokenizer_config={"eos_token": "<pad>"})
    look = survey()(read_document((here / "spec.yaml").read_bytes(), "spec.yaml", moved))
    assert look.datasets["tales", ""].store is None
    assert open_catalog(spec, compile_plan(spec), Silent()).digests() != digests


def test_what_the_linter_reads_loads_neither_numpy_nor_the_library() -> None:
    script = (
        "import sys, runner.environment, runner.data.tokenizer_files; print({'numpy', 'tokenizers'} & {*sys.modules})"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "set()\n"
    )
