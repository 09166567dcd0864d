"""What `validate --env` reads of data that nobody prepared yet: small datasets whole, of others the first records."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.commands.validate.rehearsal import data as rehearsed_data
from runner.commands.validate.rehearsal.refusals import obstacle
from runner.data import survey
from runner.data.catalog import open_catalog
from runner.data.stores import batches
from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.stores.trained import Trained
from runner.data.tokenizers.byte import ByteTokenizer
from runner.environment import survey_data
from runner.failure import Failure
from runner.files.digested_json import with_digest
from runner.plan.compile import compile_plan
from schema.document import read_document
from schema.environment import Dataset, Fields
from schema.lint import load_spec
from tests.runner.commands.test_exec_refusals import PMD, TALE, both_refuse, records, sets
from tests.runner.workplace import fill, lorarun


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("mistake", ["batch_size: 0", "batch_sze: 4", "batch_size: 4.5"])
def test_another_mistake_does_not_hide_that_records_lack_their_fields(mistake: str, here: Path) -> None:
    (here / "tales.jsonl").write_text('{"q": "1 + 2?", "a": "3"}\n' * 9)
    text = (here / "spec.yaml").read_text().replace("\n  batch_size: 4\n", f"\n  {mistake}\n")
    (here / "spec.yaml").write_text(text)
    done = lorarun(here, "validate", "--env", "spec.yaml")
    assert (done.exit_code, mistake in text, done.stdout.count("error[")) == (1, True, 2)
    assert "error[LR227 data-refused]: tales.jsonl:1: a record needs field 'text', or 'prompt' and " in done.stdout
    assert "= help: write prompt: q, completion: a under data/sources/tales\n" in done.stdout


FOLDERS: dict[str, Callable[[Path, list[str]], object]] = {
    "jsonl": lambda path, said: path.write_text("".join(json.dumps({"text": each}) + "\n" for each in said)),
    "txt": lambda path, said: path.write_text("\n".join(said)),
    "parquet": lambda path, said: pq.write_table(pa.table({"text": said}), path),
}


@pytest.mark.parametrize("suffix", FOLDERS)
def test_nine_billion_tokens_of_a_folder_of_164_kb(suffix: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "folder").mkdir()
    for number in range(4):  # of 41 KB each
        said = [f"{n * 7919 % 100_003:09d} times round" for n in range(1952 * number, 1952 * (number + 1))]
        FOLDERS[suffix](here / f"folder/{number}.{suffix}", said)
    asked = (*PMD, *sets("data/sources/tales/path=folder", "training/pre_lora_tokens=[9B]"))
    told = {}
    for whole in (2**20, 0):  # all of it, and its first records
        monkeypatch.setattr(rehearsed_data, "WHOLE_BYTES", whole)
        done = lorarun(here, "validate", "--env", "spec.yaml", *asked)
        (found,) = [line for line in done.stdout.splitlines() if "warning[LR212 many-epochs]: 'tales' has " in line]
        told[whole] = float(found.rpartition("it is read ")[2].removesuffix(" times").replace(",", ""))
    assert told[0] == pytest.approx(told[2**20], rel=0.1)
    assert told[0] > 30_000


def test_of_what_is_long_the_beginning_is_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsed_data, "WHOLE_BYTES", 0)
    monkeypatch.setattr("runner.data.file_kinds.jsonl.FIRST_LINE_BYTES", 99)
    records(TALE, {"text": "long " * 99}, "{")(here)
    assert lorarun(here, "validate", "--env", "spec.yaml").exit_code == 0  # what follows, exec finds
    for odd in range(98, 101):  # in which a letter of three bytes ends before, within and behind the beginning
        monkeypatch.setattr("runner.data.file_kinds.text.FIRST_TEXT_BYTES", odd)
        (here / "tales.txt").write_text("€" * 99)
        done = lorarun(here, "validate", "--env", "spec.yaml", *PMD, *sets("data/sources/tales/path=tales.txt"))
        assert done.exit_code == 0, done.stdout
    monkeypatch.setattr(rehearsed_data, "TemporaryDirectory", lambda **_: shutil.copytree("nowhere", "there"))
    records({"text": 7})(here)
    ((message, _),) = both_refuse(here)  # though there is nowhere to write
    assert message == "tales.jsonl:1: field 'text' must be text, not int"


def test_a_survey_reads_the_beginning_of_what_is_long(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def surveyed(*overrides: str) -> Dataset:
        return survey_data(read_document(Path("spec.yaml").read_bytes(), "spec.yaml", overrides)).datasets["tales", ""]

    records({"text": "a tale", "html": "word " * 500_000})(here)  # a page of 2.5 MB
    assert surveyed().fields == Fields({"text": "text"}, ("text", "html"), ("html",), ("html",))
    monkeypatch.setattr("runner.data.file_kinds.text.FIRST_TEXT_BYTES", 99)
    (here / "tales.txt").write_bytes(b"a tale " * 99 + b"\xff")
    assert surveyed("data/sources/tales/path=tales.txt").fields == Fields({})
    assert surveyed("data/sources/tales/hub=acme/qa") == Dataset(source=True)  # one rule says that these are two
    monkeypatch.setattr("runner.data.file_kinds.jsonl.FIRST_LINE_BYTES", 99)
    records({"text": "long " * 99})(here)
    assert surveyed() == Dataset(source=True)
    monkeypatch.setattr(survey, "MOST_RECORDS", 4)
    records(*[{"prompt": "a", "completion": ""}] * 4, {"prompt": "a", "completion": "b"})(here)
    assert surveyed().obstacle is None  # of the first four, nothing is known of the fifth


SOUND = {f"{kind} {n}": f"{kind} {n * 7919 % 1000} times round" for n in range(90) for kind in ("once", "twice")}
# Records of a run of an older version, of which today's rules make something else: what they are, what a store was made
# of them by, and the style.
OLDER: dict[str, tuple[list[dict[str, str]], tuple[str, ...], str]] = {
    "completions alone": (
        [{"completion": text, "title": name} for name, text in SOUND.items()],
        ("data/sources/tales/completion=completion",),
        "PADDED",
    ),
    "a pair beside a text": (
        [{"prompt": name, "completion": text, "text": name + text * 3} for name, text in SOUND.items()],
        (),
        "PMD",
    ),
    "empty completions": (
        [{"prompt": name, "completion": text * (number % 3)} for number, (name, text) in enumerate(SOUND.items())],
        (),
        "PADDED",
    ),
}


@pytest.mark.parametrize("case", OLDER)
def test_a_store_that_a_run_of_an_older_version_was_trained_on_is_used(
    case: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, by, style = OLDER[case]
    records(*told)(here)
    with monkeypatch.context() as older:  # which left out none, and noted no fields
        older.setattr(batches, "left_out", lambda *_: None)
        data = load_spec("spec.yaml", by).data
        made = prepare_store("tales", "", data=data, tokenizer=ByteTokenizer(), progress=Silent())
    facts = json.loads((made.folder / "meta.json").read_text())
    noted = {name: value for name, value in facts.items() if name not in ("fields", "sha256")}
    (made.folder / "meta.json").write_text(with_digest(json.dumps(noted, indent=1)))
    spec = load_spec("spec.yaml", [each.removeprefix("--set=") for each in PMD] if style == "PMD" else ())
    plan, trained = compile_plan(spec), Trained(here / "run", 7, {"tales": made.digest})
    found = rehearsed_data.rehearse_data(spec, plan, {("tales", ""): Dataset(source=True)}, trained)
    assert (found.datasets["tales", ""].obstacle, found.digests) == (None, {"tales": made.digest})
    assert open_catalog(spec, plan, Silent(), trained).digests() == found.digests
    records({"text": "a tale"})(here)
    found = rehearsed_data.rehearse_data(spec, plan, {("tales", ""): Dataset(source=True)}, trained)
    with pytest.raises(Failure, match="the data of tales changed since step 7 of ") as refused:
        open_catalog(spec, plan, Silent(), trained)
    assert found.datasets["tales", ""].obstacle == obstacle(refused.value)
