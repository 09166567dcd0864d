"""Datasets of the hub: whole and streamed they are one store, whatever the network does, and nobody asks in vain."""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pyarrow
import pyarrow.parquet
import pytest

from runner.commands.fetched import pin_data
from runner.data.sources import Dialogue, Document, Found
from runner.environment import survey_data
from runner.failure import ExitCode, Failure
from schema.document import Recorded
from schema.lint import accepted, lint_text
from tests.runner.data.hub_sets import content, hub_of, prepare, read, write_set
from tests.runner.weights.fake_hub import FakeHub, Fault

SECRET = "hf_secretsecretsecret"
RESOLVE = "/datasets/acme/web/resolve"
ROOM = [*range(4), 24, 25, 26, 99, 100, 101, 299, 300, 301]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("hub") / "web")


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    yield from hub_of(folder, tmp_path, monkeypatch)


def test_whole_and_streamed_are_the_same_rows_from_wherever_reading_starts(hub: FakeHub) -> None:
    whole = read(split="train[10:300]")
    assert whole[0] == Document("", f"train 10: {'word ' * 3}", "acme/web, train row 10", 1)
    assert isinstance(whole[-1], Found)
    assert whole[-1].fields.unread == ("url",)  # a picture is no text
    assert [entry.done for entry in whole] == [*range(1, 291), 290]
    assert read(split="train[10:300]", streaming=True) == whole
    for start in ROOM:
        assert read(start, split="train[10:300]") == whole[start:], start
        assert read(start, split="train[10:300]", streaming=True) == whole[start:], start
    both = {"split": "train[10:290]", "validation": "train[290:301]"}
    divided = read(**both)
    assert [entry.split for entry in divided[:-1] if isinstance(entry, Document)] == ["train"] * 280 + ["val"] * 10
    assert [entry.done for entry in divided] == [*range(1, 291), 290]
    assert divided == read(**both, streaming=True)
    for start in (1, 279, 280, 281, 289, 290, 291):
        assert read(start, **both) == read(start, **both, streaming=True) == divided[start:], start
    assert len(read(split="train[:9999]")) == 301
    assert len(read(split="validation")) == 11


def test_a_stream_asks_for_what_it_reads(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsspec.spec.AbstractBufferedFile.DEFAULT_BLOCK_SIZE", 2**13)  # files are small here
    chance = random.Random(0)
    (tmp_path / "large").mkdir()
    for number in range(6):
        table = pyarrow.table({"text": [chance.randbytes(500).hex() for _ in range(400)]})
        pyarrow.parquet.write_table(table, tmp_path / "large" / f"{number}.parquet", row_group_size=100)
    hub.push(tmp_path / "large")
    read(split="train[:30]", streaming=True)
    assert {path.rpartition("/")[2] for path in hub.asked if ".parquet" in path} == {"0.parquet"}
    hub.sent = 0
    whole = read(split="train[:2400]", streaming=True)
    everything, hub.sent = hub.sent, 0
    assert read(2390, split="train[:2400]", streaming=True) == whole[2390:]
    assert hub.sent < everything / 2


FAULTS = {
    "too often": [Fault(status=429, headers={"Retry-After": "2"})],
    "down for a while": [Fault(status=500), Fault(status=503), Fault(), Fault(status=502)],
    "cut": [Fault(part=0.5), Fault(), Fault(part=0.0), Fault(part=0.9)],
    "slow": [Fault(slow=0.05)] * 3,
    "down for long": [Fault(), *[Fault(status=500)] * 8],
}


def test_the_store_is_the_same_whatever_the_network_does(hub: FakeHub) -> None:
    quiet = prepare("whole")
    assert sum(split.documents for split in quiet.meta.splits.values()) == 300
    assert quiet.meta.origin == f"acme/web@{hub.branches['main']}"
    own = prepare("own", split="train[:300]", validation="validation").meta.splits
    assert (own["train"].documents, own["val"].documents) == (300, 10)
    for name, faults in FAULTS.items():
        hub.faults = [*faults]
        assert content(prepare(name, split="train[:300]", streaming=True)) == content(quiet), name
        assert hub.faults == []


NOWHERE = r"acme/web on the hub: nothing answers at http://127.0.0.1:9 \(HF_ENDPOINT\), 3 times in a row; run the same"


def test_a_hub_that_vanishes_in_between_is_one_sentence_and_the_next_try_makes_the_same_store(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults = [Fault(), Fault(), *[Fault(status=503)] * 60]
    with pytest.raises(
        Failure, match=r"acme/web on the hub: the server answered with 503, 3 times in a row; run the"
    ) as cut:
        prepare("data", split="train[:300]", streaming=True)
    assert cut.value.exit_code is ExitCode.PREEMPTED
    hub.faults = []
    assert content(prepare("data", split="train[:300]", streaming=True)) == content(
        prepare("peace", split="train[:300]")
    )
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Failure, match=NOWHERE) as cut:
        prepare("nowhere")
    assert cut.value.exit_code is ExitCode.PREEMPTED
    assert not logging.getLogger("huggingface_hub").propagate  # it has a handler of its own: each warning once


def test_what_is_prepared_needs_no_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    store = prepare("data")
    pinned = f"acme/web@{hub.branches['main']}"
    hub.trouble["/"] = (500, "")
    hub.asked.clear()
    assert prepare("data", hub=pinned).digest == store.digest
    assert hub.asked == []
    assert prepare("data").digest == store.digest  # the commit of the store does
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert prepare("data").digest == store.digest
    assert hub.asked == []
    with pytest.raises(
        Failure, match=r"HF_HUB_OFFLINE is set, and the cache of the hub does not have it whole"
    ) as caught:
        prepare("other", hub="acme/more")
    assert caught.value.exit_code is ExitCode.INVALID


def test_another_commit_is_another_store(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    before = prepare("data")
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    (moved / "data" / "train-00000-of-00003.parquet").unlink()
    hub.push(moved)
    after = prepare("data")
    assert before.digest != after.digest
    assert after.meta.origin.endswith(hub.branches["main"])


def test_a_run_keeps_the_commit_that_it_began_with(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    spec = (
        "data: {sources: {web: {hub: acme/web, split: 'train[:100]', streaming: true}}}\n"
        "training: {tokens: 1_024_000, dataset: [{name: web, rate: 1.0, style: PMD}]}\n"
    )
    verdict = lint_text(spec, "spec.yaml")
    known = pin_data(verdict, Recorded())
    commit = hub.branches["main"]
    assert known.pins == {"datasets/acme/web": f"acme/web@{commit}"}
    assert capsys.readouterr().err == f"lorarun: acme/web: revision main is commit {commit}\n"
    hub.asked.clear()
    assert pin_data(verdict, known) == known
    pinned = lint_text(spec, "spec.yaml", recorded=known)
    assert accepted(pinned).data.sources["web"].hub == f"acme/web@{commit}"
    assert pinned.document is not None
    facts = survey_data(pinned.document).datasets["web", ""]
    assert facts.source and facts.store is None
    assert hub.asked == []
    store = prepare("data", split="train[:100]", streaming=True)
    hub.asked.clear()
    assert verdict.document is not None
    known_store = survey_data(verdict.document).datasets["web", ""].store  # at the commit of the store
    assert known_store is not None
    assert known_store.splits["train"].tokens == store.meta.splits["train"].tokens
    assert hub.asked == []


def test_conversations_in_lines_of_json_are_whole_and_streamed_the_same(hub: FakeHub, tmp_path: Path) -> None:
    chats = tmp_path / "chats"
    chats.mkdir()
    turns = [
        [{"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": "answer"}]
        + ([{"role": "user", "content": "more"}, {"role": "assistant", "content": "no", "weight": 0}] * (number % 2))
        for number in range(40)
    ]
    for name, rows in (("train", turns), ("test", turns[:3])):
        (chats / f"{name}.jsonl").write_text("".join(json.dumps({"messages": each}) + "\n" for each in rows))
    (chats / "README.md").write_text(
        "---\nconfigs:\n- config_name: one\n  data_files:\n"
        "  - {split: train, path: train.jsonl}\n  - {split: test, path: test.jsonl}\n"
        "- {config_name: two, data_files: test.jsonl}\n---\n"
    )
    hub.push(chats)
    whole = read(config="one", messages="messages", split="train[:40]")
    assert whole == read(config="one", messages="messages", split="train[:40]", streaming=True)
    assert [type(entry) for entry in whole] == [Dialogue] * 40 + [Found]
    assert whole[20:] == read(20, config="one", messages="messages", split="train[:40]", streaming=True)
    with pytest.raises(Failure, match="web/config: acme/web has several configurations; write one or two"):
        read(messages="messages")


def test_a_token_is_sent_and_nowhere_written(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    hub.faults = [Fault(status=503), Fault(part=0.5)]
    prepare("data", split="train[:100]", streaming=True)
    hub.trouble[RESOLVE] = (403, "")
    with pytest.raises(Failure) as caught:
        prepare("more", split="train[:50]")
    assert hub.tokens == {f"Bearer {SECRET}"}
    said = "".join(capfd.readouterr())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET not in said + str(caught.value)
    assert SECRET.encode() not in written
