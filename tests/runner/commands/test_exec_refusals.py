"""Whatever `exec` refuses before its first step, `validate --env` refuses in the same sentence, and writes nothing.

A case is what is wrong in a working directory, and the arguments that both commands get.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.commands.validate.rehearsal import data as rehearsed_data
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json, write_facts
from runner.run.execution import ExecutionSpec
from runner.run.lock import locked
from runner.run.record import create_run_dir
from schema.lint import load_spec
from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.sealed_checkpoint import seal_checkpoint
from tests.runner.weights.model_folders import write_folder
from tests.runner.weights.test_huggingface_folder import damage
from tests.runner.weights.test_pretrained_run import CONFIG, LORA_ALONE
from tests.runner.workplace import fill, lorarun

RUN = ("--run-dir", "run")
Break = Callable[[Path], object]


def sets(*settings: str) -> tuple[str, ...]:
    return tuple(f"--set={setting}" for setting in settings)


def records(*lines: object) -> Break:
    """Write other records: objects as JSON, text as it stands."""
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return lambda here: (here / "tales.jsonl").write_text("".join(line + "\n" for line in written))


def text(content: bytes) -> Break:
    """Make the dataset one file of text."""

    def make(here: Path) -> None:
        (here / "tales.jsonl").unlink()
        (here / "tales.txt").write_bytes(content)
        spec = here / "spec.yaml"
        spec.write_text(spec.read_text().replace("tales.jsonl", "tales.txt"))

    return make


def table(cut: int, **columns: list[object]) -> Break:
    """Make the dataset a parquet file, without its last bytes."""

    def make(here: Path) -> None:
        text(b"")(here)
        (here / "tales.txt").unlink()
        pq.write_table(pa.table(columns), here / "tales.parquet")
        (here / "tales.parquet").write_bytes((here / "tales.parquet").read_bytes()[: -cut or None])
        spec = here / "spec.yaml"
        spec.write_text(spec.read_text().replace("tales.txt", "tales.parquet"))

    return make


def keeps(here: Path) -> None:
    """Change nothing: the arguments alone are wrong."""


TALE = {"prompt": "one ", "completion": "two"}
PMD = sets(*(f"training/{phase}_lora_dataset=[[{{name: tales, rate: 1.0, style: PMD}}]]" for phase in ("pre", "post")))
RECORDS: dict[str, Break] = {
    "another field": records({"question": "one", "answer": "two"}),
    "not JSON": records("{'text': 'one'}", TALE),
    "no object": records("[1, 2]"),
    "a field twice": records('{"text": "one", "text": "two"}'),
    "a number for a text": records({"text": 7}),
    "a null for a text": records({"prompt": "one ", "completion": None}),
    "half a surrogate pair": records('{"text": "\\ud83d"}'),
    "a byte that is no UTF-8": lambda here: (here / "tales.jsonl").write_bytes(b'{"text": "\xff"}\n'),
    "a text that is no UTF-8": text("fünf".encode("latin-1") * 20),
    "half a parquet": table(100, text=["one"] * 9),
    "a column of numbers": table(0, text=[1, 2, 3]),
    "no column that is read": table(0, question=["one"] * 9),
}
# Of which a whole dataset shows what is wrong, and its first records do not.
WHOLE: dict[str, Break] = {
    "an empty file": records(),
    "empty texts alone": records({"text": ""}, {"text": ""}),
    "the last line is cut": records(*[TALE] * 40, '{"prompt": "on'),
    "a record of another kind": records({"text": "one"}, {"question": "two"}),
    "one short document": records({"text": "one"}),
}
ROWS: dict[str, tuple[Break, tuple[str, ...]]] = {
    "too long for a row": (keeps, sets("architecture/block_size=8", "data/on_too_long=error")),
    "each too long for a row": (keeps, sets("architecture/block_size=8", "data/on_too_long=drop")),
    "cut before the completion": (
        records(*[{"prompt": "once " * 9, "completion": f"{n}"} for n in range(200)]),
        (),
    ),
    "no row of PMD": (text(b"a short text " * 9), PMD),
    "fewer rows than are asked": (records(*[TALE] * 9), sets("data/on_exhausted=error")),
    "too few rows in the second stage": (
        keeps,
        sets("training/pre_lora_tokens=[256]", "training/post_lora_tokens=[12800]", "data/on_exhausted=error"),
    ),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusals(output: str) -> list[tuple[str, str]]:
    """The errors in what a command printed: each as message and remedy, or as a sentence without a place."""
    lines = output.splitlines()
    found = []
    for number, line in enumerate(lines):
        if ": error[" in line:
            remedy = next(each for each in lines[number:] if "= help: " in each)
            found.append((line.partition("]: ")[2], remedy.partition("= help: ")[2]))
    return found + [(line.removeprefix("lorarun: "), "") for line in lines[-1:] if line.startswith("lorarun: ")]


def both_refuse(here: Path, *arguments: str) -> list[tuple[str, str]]:
    """See that both commands refuse a spec in the same words, and that nothing is written; return the refusals."""
    validated = lorarun(here, "validate", "--env", "spec.yaml", *RUN, *arguments)
    executed = lorarun(here, "exec", "spec.yaml", *RUN, *arguments)
    assert validated.exit_code not in (0, 2), executed.stderr
    assert executed.exit_code in (2, 74, 78), executed.stdout + executed.stderr
    assert "unexpected" not in validated.stderr + executed.stderr
    assert validated.changed == set()
    found, wanted = (refusals(done.stdout + done.stderr) for done in (validated, executed))
    sentences = {said for message, remedy in found for said in (message, f"{message}; {remedy}")}
    assert wanted
    for message, remedy in wanted:
        assert (f"{message}; {remedy}" if remedy else message) in sentences
    return found


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_that_cannot_be_read(case: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RECORDS[case](here)
    whole = both_refuse(here)
    monkeypatch.setattr(rehearsed_data, "WHOLE_BYTES", 0)  # as of gigabytes
    assert refusals(lorarun(here, "validate", "--env", "spec.yaml", *RUN).stdout) == whole


@pytest.mark.parametrize("case", WHOLE)
def test_a_dataset_that_holds_what_no_run_reads(case: str, here: Path) -> None:
    WHOLE[case](here)
    both_refuse(here)


@pytest.mark.parametrize("case", ROWS)
def test_a_dataset_that_gives_no_rows(case: str, here: Path) -> None:
    damage, arguments = ROWS[case]
    damage(here)
    both_refuse(here, *arguments)


@pytest.mark.parametrize(
    ("package", "settings"),
    [
        ("tiktoken", sets("tokenizer={backend: tiktoken, name: gpt2}", "architecture/vocab_size=50304")),
        ("wandb", sets("logging/wandb=true")),
        ("gguf", sets("tokenizer={backend: huggingface, name: smol}", "export/gguf=f16", "architecture/family=llama")),
    ],
)
def test_a_package_that_is_missing(
    package: str, settings: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(here / "smol", byte_level())
    monkeypatch.setitem(__import__("sys").modules, package, None)
    assert any(package in message for message, _ in both_refuse(here, *settings))


@pytest.mark.parametrize("settings", [("mesh/tensor=3",), ("mesh/fsdp=2",), ("mesh={data: 2, tensor: 2}",)])
def test_a_mesh_that_does_not_fit_the_devices(settings: tuple[str, ...], here: Path) -> None:
    ((message, _),) = both_refuse(here, *sets(*settings))
    assert "devices, and there are 1" in message or "there is 1" in message, message


def test_devices_that_jax_does_not_find(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise Failure("jax does not start: no plugin; look at JAX_PLATFORMS in the environment", ExitCode.INVALID)

    monkeypatch.setattr("runner.process.surroundings.start_jax", none)
    monkeypatch.setattr("runner.commands.validate.rehearsal.devices.start_jax", none)
    remedy = "look at JAX_PLATFORMS in the environment"
    assert both_refuse(here) == [("jax does not start: no plugin", remedy)]
    assert lorarun(here, "validate", "--env", "spec.yaml", "--devices", "8").exit_code == 1  # 4 rows on 8 devices


def restore_damaged(here: Path) -> None:
    create_run_dir(ExecutionSpec(load_spec("spec.yaml"), here / "old"))
    checkpoint = seal_checkpoint(here / "old", 2)
    (checkpoint / "state" / "arrays").write_bytes(b"other")


def restored(here: Path) -> None:
    shutil.copytree(Path(__file__).parents[2] / "spec/adapters/llama", here / "adapter")


WEIGHTS: dict[str, tuple[Break, tuple[str, ...]]] = {
    "no weights": (lambda here: (here / "old").mkdir(), ("--restore", "old")),
    "a damaged checkpoint": (restore_damaged, ("--restore", "old")),
    "an adapter of other modules": (restored, sets("optimization/lora/init=adapter")),
    "an adapter without weights": (
        lambda here: (restored(here), (here / "adapter/adapter_model.safetensors").unlink(missing_ok=True)),
        sets("optimization/lora={init: adapter, rank: 8, alpha: 16, target_modules: [q_proj, v_proj]}"),
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_no_run_begins_with(case: str, here: Path) -> None:
    damage, arguments = WEIGHTS[case]
    damage(here)
    both_refuse(here, *arguments)


@pytest.mark.parametrize("how", ["a shard is missing", "a tensor is missing", "pickles"])
def test_a_folder_of_a_model_that_is_not_whole(how: str, here: Path) -> None:
    (here / "spec.yaml").write_text(LORA_ALONE)
    damage(write_folder(here / "model", CONFIG, shards=3 if "shard" in how else 1), how)
    both_refuse(here)


def run_there(here: Path, saved: int | None = None, stores: object = None) -> Path:
    """Leave a run of this spec, which has saved a step."""
    create_run_dir(ExecutionSpec(load_spec("spec.yaml"), here / "run"))
    if saved is not None:
        write_facts(here / "run/run.json", {**read_json(here / "run/run.json"), "saved": saved})
    return here / "run"


def cut(here: Path) -> None:
    checkpoint = seal_checkpoint(run_there(here), 2)
    (checkpoint / "state" / "arrays").write_bytes(b"")


PLACES: dict[str, tuple[Break, tuple[str, ...]]] = {
    "a file": (lambda here: (here / "run").write_text(""), ()),
    "below a file": (keeps, ("--run-dir", "tales.jsonl/run")),
    "stores below a file": (keeps, sets("data/root=spec.yaml/stores")),
    "somebody's folder": (lambda here: ((here / "run").mkdir(), (here / "run/letter").write_text("")), ()),
    "a run of another spec": (run_there, sets("optimization/lr=0.5")),
    "a damaged run.json": (lambda here: ((here / "run").mkdir(), (here / "run/run.json").write_text("{")), ()),
    "checkpoints that are gone": (lambda here: run_there(here, saved=2), ()),
    "no checkpoint that is intact": (cut, ()),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_that_no_run_can_have(case: str, here: Path) -> None:
    damage, arguments = PLACES[case]
    damage(here)
    both_refuse(here, *arguments)


def test_a_run_that_another_process_runs(here: Path) -> None:
    with locked(run_there(here)):
        ((message, remedy),) = both_refuse(here)
    assert message.startswith("run is being run by another process (pid ")
    assert remedy == "wait for it, or stop it first"
