"""The facts that `survey` finds, and that rules made of them refuse exactly what a run would refuse."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.data.catalog import open_catalog
from runner.data.sources.files import Files
from runner.data.stores.display import Silent
from runner.data.tokenizers.byte import ByteTokenizer
from runner.environment import survey
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json, write_facts
from runner.plan.compile import compile_plan
from runner.run.execution import ExecutionSpec
from runner.run.inspect import check_run_dir
from runner.run.record import create_run_dir
from runner.weights.start import check_start
from schema.document import read_document
from schema.document.catalogue import CATALOGUE
from schema.environment import Environment
from schema.lint import lint_file, load_spec
from schema.text.diagnostic import Severity
from tests.runner.data.written_store import install_store
from tests.runner.sealed_checkpoint import seal_checkpoint
from tests.runner.workplace import fill


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepare(*overrides: str) -> None:
    """Make the stores of the spec."""
    spec = load_spec("spec.yaml", overrides)
    open_catalog(spec, compile_plan(spec), Silent())


def facts(*overrides: str, **told: Any) -> Environment:
    """What a survey finds for the spec."""
    document = read_document(Path("spec.yaml").read_bytes(), "spec.yaml", overrides)
    return survey(**told)(document)


def errors(environment: Any, *overrides: str) -> set[str]:
    found = lint_file("spec.yaml", overrides, environment).diagnostics
    return {each.code for each in found if each.severity is Severity.ERROR}


def store_without_source(name: str = "made", token: int = 7, tokenizer: str = ByteTokenizer().fingerprint) -> None:
    """Write a store of one document that no text is known for; it has no validation split."""
    install_store(Path("stores") / name, [(np.full(40, token, np.int32), [(3, 40)])], tokenizer=tokenizer)


def test_a_dataset_without_store_has_a_source(here: Path) -> None:
    found = facts()
    assert (found.datasets["tales", ""].source, found.datasets["tales", ""].store) == (True, None)
    assert sorted(found.known) == sorted({"pydoc", "pystdlib", "tales", *CATALOGUE})
    assert (found.restore, found.devices, found.device_bytes, found.start) == (False, None, None, None)
    assert found.free_bytes
    assert found.run is not None
    assert (found.run.path, found.run.obstacle, found.run.changes, found.run.step) == ("runs/spec", "", (), None)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("path=absent.jsonl", "path"),
        ("validation=absent.jsonl", "validation"),
        ("validation=[absent.jsonl, tales.jsonl]", "validation[0]"),
        ("validation=tales.jsonl", "validation"),  # which is trained on
    ],
)
def test_what_is_in_the_way_of_a_source_is_said_at_its_key(override: str, key: str, here: Path) -> None:
    obstacle = facts(f"data/sources/tales/{override}").datasets["tales", ""].obstacle
    assert obstacle is not None
    assert obstacle.key == f"data/sources/tales/{key}"


def test_a_store_that_the_run_would_use_is_counted(here: Path) -> None:
    prepare()
    store = facts().datasets["tales", ""].store
    assert store is not None
    assert sum(split.documents for split in store.splits.values()) == 100
    assert store.splits["train"].rows("PADDED", 32, "truncate") == store.splits["train"].documents
    assert (store.tokenizer, store.max_token_id) == (ByteTokenizer().fingerprint, 257)


def test_a_store_that_the_run_would_make_again_is_not(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    tiktoken = ("tokenizer/backend=tiktoken", "tokenizer/name=gpt2", "architecture/vocab_size=50304")
    assert facts(*tiktoken).datasets["tales", ""].store is None
    with (here / "tales.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": "", "completion": "one more"}) + "\n")
    assert facts().datasets["tales", ""].store is None
    prepare()
    os.utime("tales.jsonl")
    assert facts().datasets["tales", ""].store
    monkeypatch.setattr("runner.data.survey.MOST_COMPARED_BYTES", 10)
    assert facts().datasets["tales", ""].store is None


def test_files_with_a_new_stamp_are_digested_once_for_many_lints(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    digested: list[str] = []
    fingerprints = Files.fingerprints
    monkeypatch.setattr(Files, "fingerprints", lambda self: digested.append(self.name) or fingerprints(self))
    lint_file("spec.yaml", (), survey())
    assert digested == []
    os.utime("tales.jsonl")
    look = survey()
    for _ in range(3):
        lint_file("spec.yaml", (), look)
    assert digested == ["tales"]


def test_a_spec_that_cannot_be_read_has_what_facts_it_can(here: Path) -> None:
    (here / "broken.yaml").write_text("training: [\n")
    look = survey(devices=2, restore=Path("old"))
    assert {found.code for found in lint_file("broken.yaml", (), look).diagnostics} == {"LR001"}
    assert errors(look, "training/batch_size=x") == {"LR004", "LR609"}
    assert errors(look, "data/root=[]") == {"LR004", "LR609"}


def test_a_damaged_store_is_a_storage_failure(here: Path) -> None:
    (here / "stores" / "tales").mkdir(parents=True)
    with pytest.raises(Failure, match=r"is no token store: it has no meta\.json") as refused:
        facts()
    assert refused.value.exit_code is ExitCode.STORAGE
    (here / "stores" / "tales" / "meta.json").write_text("{}")
    with pytest.raises(Failure, match=r"meta\.json cannot be read"):
        facts()


def old_run(changes: dict[str, object]) -> Callable[[], None]:
    """Leave a run of other keys in `run`, with a checkpoint of step 2."""

    def make() -> None:
        create_run_dir(ExecutionSpec(load_spec("spec.yaml"), Path("run")))
        noted = read_json(Path("run/run.json"))
        write_facts(Path("run/run.json"), {**noted, "spec": noted["spec"] | changes})
        seal_checkpoint(Path("run"), 2)

    return make


def test_what_a_run_has_written_is_told(here: Path) -> None:
    create_run_dir(ExecutionSpec(load_spec("spec.yaml"), Path("run")))
    for step in (10, 2):
        seal_checkpoint(Path("run"), step)
    for name in ("base", "damaged", "checkpoints/.partial-3"):
        (here / "run" / name).mkdir()
    found = facts(run_dir=Path("run")).run
    assert found is not None
    assert (found.step, found.saved, found.holds) == (10, (2, 10), ("base",))


def trained_on(name: str) -> tuple[str, ...]:
    return tuple(
        f"training/{phase}_lora_dataset=[[{{name: {name}, rate: 1, style: PADDED}}]]" for phase in ("pre", "post")
    )


# What stands in the way, the spec's keys, the directory and the start of the run; the one code for it.
REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...], str, str | None, str]] = {
    "an unknown dataset": (lambda: None, trained_on("tails"), "new", None, "LR208"),
    "a default that is no dataset": (lambda: None, ("data/sources={}",), "new", None, "LR208"),
    "a missing file": (lambda: Path("tales.jsonl").unlink(), (), "new", None, "LR208"),
    "the name of a built-in dataset": (
        lambda: None,
        (*trained_on("pydoc"), "data/sources={pydoc: {path: tales.jsonl}}"),
        "new",
        None,
        "LR208",
    ),
    "the folder of another dataset": (
        lambda: store_without_source("tales_v2"),
        tuple(each.replace("PADDED", "PADDED, suffix: v2") for each in trained_on("tales")),
        "new",
        None,
        "LR208",
    ),
    "an example that is too long": (
        prepare,
        ("architecture/block_size=8", "data/on_too_long=error"),
        "new",
        None,
        "LR209",
    ),
    "only examples that are too long": (
        prepare,
        ("architecture/block_size=8", "data/on_too_long=drop"),
        "new",
        None,
        "LR209",
    ),
    "too few tokens for a row": (
        lambda: store_without_source(),
        (
            "training/pre_lora_dataset=[[{name: made, rate: 1, style: PMD}]]",
            "architecture/block_size=64",
            "training/validation=false",
        ),
        "new",
        None,
        "LR211",
    ),
    "a dataset that is read twice": (
        prepare,
        ("training/post_lora_tokens=[25600]", "data/on_exhausted=error"),
        "new",
        None,
        "LR212",
    ),
    "a store of another tokenizer": (
        lambda: store_without_source(tokenizer="tiktoken/gpt2/end=50256"),
        (*trained_on("made"), "training/validation=false"),
        "new",
        None,
        "LR213",
    ),
    "a token beyond the vocabulary": (
        lambda: store_without_source(token=400),
        (*trained_on("made"), "training/validation=false"),
        "new",
        None,
        "LR213",
    ),
    "no validation split": (lambda: store_without_source(), trained_on("made"), "new", None, "LR214"),
    "a mesh that does not fit": (lambda: None, ("mesh/tensor=3",), "new", None, "LR506"),
    "a batch that does not divide": (lambda: None, ("training/batch_size=3",), "new", None, "LR506"),
    "a start without checkpoint": (lambda: None, (), "new", "nowhere", "LR609"),
    "a start of other shapes": (old_run({"architecture/n_embd": 32}), (), "new", "run", "LR609"),
    "another run": (old_run({"training/seed": 7}), (), "run", None, "LR612"),
    "a file": (lambda: None, (), "tales.jsonl", None, "LR612"),
    "a folder that is no run": (lambda: None, (), "stores", None, "LR612"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_linter_refuses_what_the_run_refuses(case: str, here: Path) -> None:
    make, overrides, run_dir, start, code = REFUSED[case]
    (here / "stores").mkdir()
    (here / "stores" / "notes.txt").write_text("mine")
    make()
    restore = Path(start) if start else None
    assert errors(survey(devices=2, run_dir=Path(run_dir), restore=restore), *overrides) == {code}
    spec = load_spec("spec.yaml", overrides)
    with pytest.raises(Failure) as refused:
        check_run_dir(ExecutionSpec(spec, Path(run_dir), restore))
        if restore:
            check_start(restore, spec)
        open_catalog(spec, compile_plan(spec, 2), Silent())
    assert refused.value.exit_code is (ExitCode.RESUME if code == "LR612" else ExitCode.INVALID)


def test_what_a_run_accepts_has_no_error(here: Path) -> None:
    prepare()
    old_run({})()
    for run_dir, start in (("new", None), ("run", None), ("new", "run")):
        restore = Path(start) if start else None
        assert errors(survey(devices=2, device_bytes=2**30, run_dir=Path(run_dir), restore=restore)) == set()


def test_the_disk_of_a_folder_that_is_not_there_yet_is_that_of_its_parent(here: Path) -> None:
    free = os.statvfs(here)
    found = facts(run_dir=here / "far" / "away").free_bytes
    assert found == pytest.approx(free.f_bavail * free.f_frsize, rel=0.1)
