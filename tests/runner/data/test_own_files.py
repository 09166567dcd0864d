"""A run's own files are no data: run directories, token stores, environments, models, and what is being written."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runner.data.sources import Document, Skipped
from runner.data.sources import files as sources
from runner.data.sources.files import open_files
from runner.data.stores.display import Silent
from runner.data.stores.meta import key_digest
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.stores.trained import Trained
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from schema.sections.data import Data, Source


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with two texts in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("first text")
    (tmp_path / "b.txt").write_text("second text")
    return tmp_path


def leave(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("{}")


def refusal(path: str) -> str:
    with pytest.raises(Failure) as caught:
        list(open_files("notes", Source(path=path)).documents())
    assert caught.value.exit_code is ExitCode.INVALID
    return str(caught.value).removeprefix("data/sources/notes/path: ")


def prepare(path: str, root: str = "stores", trained_on: str | None = None) -> Store:
    """Prepare the texts at a path, for a run that was trained on a store of this digest, where there is one."""
    data = Data(root=root, sources={"notes": Source(path=path)})
    trained = None if trained_on is None else Trained(Path("runs/spec"), 7, {"notes": trained_on})
    return prepare_store("notes", "", data=data, tokenizer=ByteTokenizer(), progress=Silent(), trained=trained)


OWN = {
    "a run by run.json": ("runs/spec/run.json", "runs/spec/metrics.jsonl"),
    "a token store by meta.json": ("data/tales/meta.json", "data/tales/train.tokens.bin", "data/tales/x.txt"),
    "a virtual environment by pyvenv.cfg": ("env/pyvenv.cfg", "env/lib/x.dist-info/top_level.txt"),
    "a virtual environment by conda-meta": ("env/conda-meta/history", "env/share/LICENSE.txt"),
    "a model by config.json": ("models/small/config.json", "models/small/tokenizer.json", "models/small/merges.txt"),
    "an adapter by adapter_config.json": ("adapters/mine/adapter_config.json", "adapters/mine/merges.txt"),
}


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("path", [".", "**/*", "./**/*.*"])
def test_folders_of_a_run_are_left_out_by_name(here: Path, kind: str, path: str) -> None:
    leave(*OWN[kind])
    folder = Path(OWN[kind][0]).parent
    folder = folder.parent if folder.name == "conda-meta" else folder
    entries = list(open_files("notes", Source(path=path)).documents())
    assert [entry.completion for entry in entries if isinstance(entry, Document)] == ["first text", "second text"]
    assert [(entry.reason, entry.where) for entry in entries if isinstance(entry, Skipped)] == [
        (f"marked as {kind}", folder.as_posix())
    ]


@pytest.mark.parametrize("kind", OWN)
def test_such_a_folder_alone_is_refused(here: Path, kind: str) -> None:
    leave(*OWN[kind])
    name, _, mark = kind.partition(" by ")
    folder = next(parent for parent in Path(OWN[kind][1]).parents if (parent / mark).exists())
    for path in (f"{folder}", f"{folder}/**/*.txt"):
        assert refusal(path) == (
            f"'{path}' can't be read: {mark} marks it as {name}, whose files are no text; name the files of your text"
        )


def test_the_records_of_a_run_are_refused(here: Path) -> None:
    leave("runs/spec/run.json", "runs/spec/metrics.jsonl", "runs/spec/made/text.txt")
    assert refusal("runs/spec/metrics.jsonl") == (
        "'runs/spec/metrics.jsonl' can't be read: it lies in the folder of a run, by its run.json; name files that are "
        "no run's own"
    )
    assert [file for file, _ in open_files("notes", Source(path="runs/spec/made")).files] == ["text.txt"]


def test_a_folder_with_another_programs_run_json_is_read(here: Path) -> None:
    leave("texts/run.json", "texts/a.txt")
    Path("texts/run.json").write_text('{"command": "make"}')
    assert [file for file, _ in open_files("notes", Source(path="texts")).files] == ["a.txt", "run.json"]
    for path in ("texts/*.txt", "texts/a.txt"):
        assert [file for file, _ in open_files("notes", Source(path=path)).files] == ["a.txt"]
    Path("texts/run.json").write_text('{"run_id": "0123"')  # a damaged one
    assert "run.json marks it as a run" in refusal("texts")


def test_the_own_folder_of_a_project_may_be_its_environment(here: Path) -> None:
    leave("pyvenv.cfg", "lib/LICENSE.txt")
    assert [file for file, _ in open_files("notes", Source(path="*.txt")).files] == ["a.txt", "b.txt"]
    assert "pyvenv.cfg marks it as a virtual environment" in refusal(".")


def test_a_store_among_its_texts_is_not_read(here: Path) -> None:
    first = prepare(".", root=".")
    assert (here / "notes" / "meta.json").exists()
    assert prepare(".", root=".").digest == first.digest


def test_the_log_of_this_command_is_refused(here: Path) -> None:
    with Path("log.txt").open("a") as log:
        log.write("step 1")
        assert refusal("*.txt") == (
            "'log.txt' is not finished: the output of this command goes there; wait until nothing writes to it, or "
            "write a path that leaves it out"
        )
    assert len(open_files("notes", Source(path="*.txt")).files) == 3
    (here / "folder").symlink_to(here, target_is_directory=True)
    (here / "link.txt").symlink_to("log.txt")
    for path in ("folder/log.txt", "link.txt"):
        with Path("log.txt").open("a"):
            assert refusal(path).startswith(f"'{path}' is not finished")
    with Path("a.txt").open() as before, Path("log.txt").open("a"):
        before.close()  # its number is the next one that is given, while files are listed
        assert refusal("*.txt").startswith("'log.txt' is not finished")


def test_a_file_that_another_process_is_writing_is_refused(here: Path) -> None:
    tee = subprocess.Popen(["tee", "log.txt"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert tee.stdin is not None
    with tee, tee.stdin:
        while not Path("log.txt").exists():
            pass
        assert refusal(".").startswith(f"'log.txt' is not finished: process {tee.pid} (tee) is writing it; wait until")


@pytest.mark.parametrize("change", ["grows", "is touched", "goes"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(sources, "find_writer", lambda _: None)  # where the kernel does not say who writes
    entries = open_files("notes", Source(path=".")).documents()
    next(entries)
    if change == "grows":
        with Path("a.txt").open("a") as file:
            file.write("more")
    elif change == "is touched":
        os.utime("a.txt", ns=(0, 0))
    else:
        Path("a.txt").unlink()
    with pytest.raises(Failure) as caught:
        list(entries)
    sentence = "a.txt: No such file or directory" if change == "goes" else "'a.txt' changed while it was read; wait"
    assert str(caught.value).startswith(f"data/sources/notes/path: {sentence}")


def test_half_a_record_is_blamed_on_who_is_writing_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "find_writer", lambda _: None)
    Path("x.jsonl").write_text('{"text": "one"}\n')
    source = open_files("notes", Source(path="x.jsonl"))
    with Path("x.jsonl").open("a") as file:
        file.write('{"text": "tw')
    with pytest.raises(Failure, match=r"'x\.jsonl' changed while it was read"):
        list(source.documents())


SPELLINGS = (
    "./texts",
    "texts/",
    "texts/**/*.txt",
    "texts/*",
    "{here}/texts",
    "{here}/texts/*.txt",
    "link",
    "../{name}/texts",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_bytes_under_another_spelling_have_the_same_store(here: Path, spelling: str) -> None:
    (here / "texts").mkdir()
    for name in ("a.txt", "b.txt"):
        (here / name).rename(here / "texts" / name)
    (here / "link").symlink_to("texts")
    digest = prepare("texts").digest
    written = (here / "stores/notes/train.tokens.bin").stat().st_ino
    assert prepare(spelling.format(here=here, name=here.name)).digest == digest
    assert (here / "stores/notes/train.tokens.bin").stat().st_ino == written


# What the fingerprint of these texts was as long as names counted.
FORMER = {
    "texts": "780b02dd7a2c4f2ad21151da39186380cbdf133536c9f616c62359cb805831a2",
    "./texts/*.txt": "f4409579eb698328e40f2c390b42e02cc25487d0a8c34b88701c31e1fdf365c7",
    "texts/a.txt": "e353e6c02eb7be09580d4633bb5dc6b95bb8896f8e7b53bb964171743080c3a2",
}


@pytest.mark.parametrize("path", FORMER)
def test_a_store_of_an_older_version_is_used_as_it_is(here: Path, path: str) -> None:
    (here / "texts").mkdir()
    for name in ("a.txt", "b.txt"):
        (here / name).rename(here / "texts" / name)
    store = prepare(path)
    digest = key_digest(FORMER[path], store.meta.tokenizer)
    older = replace(store.meta, source=FORMER[path], digest=digest, stamp="another", marks=())
    (store.folder / "meta.json").write_text(older.to_json())
    assert prepare(path).digest == digest
    for spelling in ("texts/a.txt",) if path == "texts/a.txt" else ("texts", "./texts/*", f"{here}/texts"):
        assert prepare(spelling).digest == digest
    elsewhere = path.removeprefix("./").replace("texts", "moved")
    (here / "texts").rename(here / "moved")
    assert (prepare(elsewhere).digest == digest) is ("*" not in path)  # which was named from the working directory


def test_the_same_bytes_under_another_name_have_the_same_store(here: Path) -> None:
    digest = prepare("a.txt").digest
    (here / "elsewhere").mkdir()
    (here / "a.txt").rename(here / "elsewhere/renamed.txt")
    assert prepare("elsewhere/renamed.txt").digest == prepare("elsewhere").digest == digest
    assert prepare("b.txt").digest != digest


def test_other_bytes_are_refused_before_the_store_of_a_run_is_made_again(here: Path) -> None:
    store = prepare("a.txt")
    written = (store.folder / "meta.json").read_bytes()
    assert prepare("./a.txt", trained_on=store.digest).digest == store.digest
    with pytest.raises(Failure) as caught:
        prepare("b.txt", trained_on=store.digest)
    assert (caught.value.exit_code, str(caught.value)) == (
        ExitCode.RESUME,
        "the data of notes changed since step 7 of runs/spec was saved; bring it back, or start a new run with another "
        "--run-dir",
    )
    assert prepare("a.txt").digest == store.digest
    assert (store.folder / "meta.json").stat().st_size == len(written)


@pytest.mark.parametrize("path", ["a.txt", "*.txt", "."])
def test_a_run_of_an_older_version_resumes_with_a_store_that_is_made_again(here: Path, path: str) -> None:
    (here / "b.txt").unlink()  # several would be divided otherwise now
    current = prepare(path)
    former = open_files("notes", Source(path=path)).fingerprints()[1]
    known = key_digest(former, current.meta.tokenizer)
    assert known != current.digest
    assert prepare(path, trained_on=known).digest == known  # another run made the store
    assert prepare(path, root="moved", trained_on=known).digest == known
    assert prepare(path).digest == prepare(path, root="moved").digest == current.digest
    assert prepare(path, trained_on="another").digest == current.digest
