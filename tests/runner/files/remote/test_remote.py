"""Files of other machines: what is read, what a failing server costs, what is refused, and what stays on the disk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from runner.data.sources import Document, Skipped, find_source
from runner.data.sources.remote import RemoteFiles
from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from runner.files.network import Patience
from schema.document import remote as protocols
from schema.sections.data import Data, Source
from tests.runner.data.listener import Listener
from tests.runner.files.remote.shelf import Shelf, served

LINES = "".join(json.dumps({"prompt": f"{n} + 1 = ", "completion": f"{n + 1}"}) + "\n" for n in range(200)).encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Shelf]:
    with served() as shelf:
        yield shelf


@pytest.fixture
def shelf(server: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    server.files = {"/sums.jsonl": (LINES, '"1"')}
    server.faults, server.asked, server.ranges = [], [], True
    return server


def source_of(path: str | list[str], waits: list[float] | None = None, **keys: Any) -> RemoteFiles:
    source = find_source("x", Data(root="s", sources={"x": Source.model_validate({"path": path} | keys)}))
    assert isinstance(source, RemoteFiles)
    source.patience = Patience(sleep=(waits if waits is not None else []).append, chance=lambda: 0.0)
    return source


def prompts(source: RemoteFiles) -> list[str]:
    return [entry.prompt for entry in source.documents() if isinstance(entry, Document)]


def refusal(path: str | list[str], code: ExitCode = ExitCode.INVALID) -> str:
    with pytest.raises(Failure) as refused:
        source_of(path).stamp()
    assert refused.value.exit_code is code
    return str(refused.value).removeprefix("data/sources/x/path: ")


def test_a_file_of_a_web_server_is_read_as_one_of_this_machine(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files["/more/x.jsonl.gz"] = (gzip.compress(LINES), '"2"')
    source = source_of([f"{shelf.address}/sums.jsonl", f"{shelf.address}/more/x.jsonl.gz?user=me"])
    assert shelf.asked == []  # until somebody wants to know
    assert len(prompts(source)) == 400
    assert source.total == len(LINES) + len(shelf.files["/more/x.jsonl.gz"][0])
    (tmp_path / "sums.jsonl").write_bytes(LINES)
    (tmp_path / "x.jsonl.gz").write_bytes(shelf.files["/more/x.jsonl.gz"][0])
    local = find_source("x", Data(sources={"x": Source(path=["sums.jsonl", "x.jsonl.gz"])}))
    assert local is not None
    assert source.fingerprints()[0] == local.fingerprints()[0]
    mixed = source_of(["sums.jsonl", f"{shelf.address}/sums.jsonl"], validation="x.jsonl.gz")
    splits = [entry.split for entry in mixed.documents() if isinstance(entry, Document)]
    assert splits == ["train"] * 400 + ["val"] * 200


def test_a_server_that_fails_is_asked_again_and_goes_on_where_it_was(shelf: Shelf) -> None:
    waits: list[float] = []
    source = source_of(f"{shelf.address}/sums.jsonl", waits)
    shelf.faults = [("status", 429), ("", 0), ("status", 503), ("cut", 1000), ("cut", 500)]
    assert len(prompts(source)) == 200
    assert [wanted for _, wanted in shelf.asked[2:]] == ["", "", "bytes=1000-", "bytes=1500-"]
    assert waits == [7.0, 1.0, 1.0, 1.0]


def test_a_server_without_ranges_begins_anew(shelf: Shelf) -> None:
    shelf.ranges, shelf.faults = False, [("", 0), ("cut", 1000)]
    assert len(prompts(source_of(f"{shelf.address}/sums.jsonl"))) == 200
    shelf.files["/sums.jsonl"] = (LINES, "")  # nothing tells versions apart
    shelf.ranges, shelf.faults = True, [("", 0), ("cut", 1000)]
    assert len(prompts(source_of(f"{shelf.address}/sums.jsonl"))) == 200
    assert shelf.asked[-1] == ("/sums.jsonl", "")


def test_a_preparation_that_was_cut_off_fetches_what_is_missing(shelf: Shelf) -> None:
    shelf.faults = [("", 0), ("cut", 1000), *[("status", 500)] * 6]
    with pytest.raises(Failure, match="answered with 500, 6 times in a row; run the same command again") as failed:
        source_of(f"{shelf.address}/sums.jsonl").fingerprints()
    assert failed.value.exit_code is ExitCode.PREEMPTED
    again = source_of(f"{shelf.address}/sums.jsonl")
    assert len(prompts(again)) == 200
    assert shelf.asked[-1] == ("/sums.jsonl", "bytes=1000-")
    asked = len(shelf.asked)
    assert len(prompts(source_of(f"{shelf.address}/sums.jsonl"))) == 200
    assert shelf.asked[asked:] == [("/sums.jsonl", "bytes=0-0")]  # what has come is not fetched again


def test_a_file_that_changes_is_noticed(shelf: Shelf) -> None:
    source = source_of(f"{shelf.address}/sums.jsonl")
    before = source.stamp()
    shelf.files["/sums.jsonl"] = (LINES * 2, '"2"')
    assert source_of(f"{shelf.address}/sums.jsonl").stamp() != before
    with pytest.raises(Failure, match="changed while it was fetched"):
        source.fingerprints()
    assert len(prompts(source_of(f"{shelf.address}/sums.jsonl"))) == 400


def prepare(path: str, display: Silent) -> Store:
    data = Data(root="s", sources={"x": Source(path=path)}, workers=1)
    return prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=display)


def test_a_store_is_made_once_and_serves_without_a_network(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{shelf.address}/sums.jsonl?token=abc"
    store = prepare(address, Silent())
    assert not Path("s/.fetched/x").exists()
    asked = len(shelf.asked)
    assert prepare(address, Silent()).digest == store.digest
    assert shelf.asked[asked:] == [("/sums.jsonl", "bytes=0-0")]
    for path in Path("s").rglob("*"):
        assert path.is_dir() or b"token=" not in path.read_bytes()
    monkeypatch.setattr("runner.files.network.with_retries", _unreached)
    listener = Listener()
    assert prepare(address, listener).digest == store.digest
    assert listener.sentences == [
        f"dataset 'x': data/sources/x/path: {shelf.address}/sums.jsonl: gone; its store 's/x' is used as it is"
    ]
    with pytest.raises(Failure, match="gone") as failed:
        prepare(f"{shelf.address}/other.jsonl", Silent())
    assert failed.value.exit_code is ExitCode.PREEMPTED


def _unreached(action: object, what: str, **_: object) -> None:
    raise Failure(f"{what}: gone; run the same command again", ExitCode.PREEMPTED)


def test_what_a_server_does_not_give_is_refused_in_a_sentence(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    address = shelf.address
    assert refusal(f"{address}/gone.jsonl") == f"'{address}/gone.jsonl' does not exist"
    shelf.faults = [("status", 403)]
    assert "holds a login; write that into ~/.netrc" in refusal(f"{address.replace('//', '//me:secret@')}/sums.jsonl")
    assert refusal(f"{address}/sums.jsonl?sig=abc") == (
        f"'{address}/sums.jsonl' is not given to you; write the host's login and password into ~/.netrc"
    )
    shelf.faults = [("status", 418)]
    assert refusal(f"{address}/sums.jsonl") == (
        f"'{address}/sums.jsonl' can't be fetched: the server answered with 418; look whether the address is right"
    )
    assert "a web server lists no files; name each file in a list" in refusal(f"{address}/*.jsonl")
    shelf.files["/x.pdf"] = (b"", '"1"')
    assert refusal(f"{address}/x.pdf").startswith(f"'{address}/x.pdf' names no .txt, .md")
    shelf.faults = [("status", 503)] * 6
    assert "answered with 503, 6 times in a row" in refusal(f"{address}/sums.jsonl", ExitCode.PREEMPTED)
    for protocol, package in (("s3", "s3fs"), ("gs", "gcsfs")):
        monkeypatch.setitem(__import__("sys").modules, package, None)
        assert refusal(f"{protocol}://bucket/x.jsonl").endswith(
            f"{protocol}://bucket/x.jsonl is read by {package}, and that is not installed; run `pip install {package}`"
        )


def test_object_stores_list_folders_and_patterns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(protocols.PROTOCOLS, "memory", "")
    files = fsspec.filesystem("memory")
    for name in ("b.jsonl", "a.jsonl", "README.md", "x.pdf", "deep/c.jsonl"):
        files.pipe(f"/set/{name}", LINES)
    folder = source_of("memory://set")
    assert len(prompts(folder)) == 600
    left_out = {(entry.reason, entry.where) for entry in folder.documents() if isinstance(entry, Skipped)}
    assert left_out == {("of another format", "x.pdf"), ("describing the files beside it", "README.md")}
    assert len(prompts(source_of("memory://set/*.jsonl"))) == 400
    assert len(prompts(source_of(["memory://set/b.jsonl"]))) == 200
    with pytest.raises(Failure, match=r"'memory://set/none.jsonl' does not exist"):
        source_of("memory://set/none.jsonl").stamp()
