"""Several processes make the same store as one does; what goes wrong in one of them is a sentence."""

from __future__ import annotations

import json
import threading
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.data.chat.conversation import read_conversation
from runner.data.chat.open_chat import chat_rows
from runner.data.sources import Dialogue, Document
from runner.data.stores import batches, parallel
from runner.data.stores.batches import Part
from runner.data.stores.encode import Encoder
from runner.data.stores.parallel import Workers
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.stores.worker import Recipe, Refused, answer
from runner.data.tokenizers import load_tokenizer
from runner.failure import ExitCode, Failure
from schema.sections.chat import Chat
from schema.sections.data import Data, Source
from schema.sections.tokenizer import Tokenizer
from tests.runner.data.listener import Listener
from tests.runner.data.test_data_resume import content
from tests.runner.data.tokenizer_folders import TEXT, byte_level, folder

BYTES = Recipe(Tokenizer(backend="byte"), None)
BROKEN = Document("", "half a pair: \ud800", "x.jsonl:7", 1)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(Tokenizer(backend="huggingface", name=str(folder(tmp_path / "tokenizer", byte_level()))), None)


def records(path: Path, texts: list[str]) -> Data:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return Data(root=str(path.with_name("stores")), sources={"x": Source(path=str(path))})


def prepare(data: Data, recipe: Recipe, workers: int, listener: Listener | None = None) -> Store:
    return prepare_store(
        "x",
        "",
        data=data.model_copy(update={"workers": workers}),
        tokenizer=load_tokenizer(recipe.tokenizer),
        progress=listener or Listener(),
        recipe=recipe,
    )


def check_workers(numbers: list[int], tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores by these numbers of processes must be that by one; none of them may be left."""
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 2000)
    monkeypatch.setattr(parallel, "ALONE_SECONDS", 0.0)
    monkeypatch.setattr(batches, "PIECE_CHARACTERS", 9000)
    texts = [TEXT[i % 2][i % 40 :] * (i % 7 + 1) for i in range(600)] + ["a long text, " * 5000]
    stores = []
    for number in (1, *numbers):
        place = tmp_path / str(number)
        place.mkdir()
        stores.append(content(prepare(records(place / "x.jsonl", texts), recipe, number).folder))
    assert all(store == stores[0] for store in stores)
    assert not _children()


def _children() -> list[str]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += (task / "children").read_text().split()
    return [child for child in found if "stores.worker" in Path(f"/proc/{child}/cmdline").read_text()]


def test_the_number_of_processes_changes_no_byte(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_workers([2], tmp_path, recipe, monkeypatch)


@pytest.mark.soak
def test_four_processes_change_no_byte(tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    check_workers([2, 4], tmp_path, recipe, monkeypatch)


def test_a_worker_that_is_killed_is_a_sentence_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 2000)
    monkeypatch.setattr(parallel, "ALONE_SECONDS", 0.0)
    data = records(tmp_path / "x.jsonl", [f"text {i} " * 20 for i in range(600)])
    encode = Workers.submit

    def submit(self: Workers, entries: Any) -> Any:
        self._all[0].kill()
        return encode(self, entries)

    with monkeypatch.context() as dying:
        dying.setattr(Workers, "submit", submit)
        with pytest.raises(Failure) as caught:
            prepare(data, BYTES, 2)
    assert caught.value.exit_code is ExitCode.STORAGE
    assert str(caught.value) == (
        "a process that prepares data was killed (signal 9), as when memory runs out; write a smaller data/workers, "
        "and run the same command again: what is prepared is kept"
    )
    assert not _children()
    listener = Listener()
    prepare(data, BYTES, 1, listener)
    assert "continuing at" in listener.sentences[0]


def asked(recipe: Recipe, fingerprint: str, *questions: Any) -> list[Any]:
    """What a worker answers, which runs in a thread here."""
    own, other = Pipe()
    thread = threading.Thread(target=answer, args=(other,))
    thread.start()
    own.send((recipe, fingerprint))
    answers = []
    for question in questions:
        own.send(question)
        answers.append(own.recv())
    own.close()
    thread.join(10)
    assert not thread.is_alive()
    return answers


def test_refusals_come_back_as_they_are() -> None:
    encoder = Encoder(load_tokenizer(BYTES.tokenizer), None)
    refused, part, other = asked(BYTES, encoder.fingerprint, (BROKEN,), Part("ab", True, True, None), (1,))
    assert isinstance(refused, Refused)
    failure = refused.error()
    assert isinstance(failure, Failure)
    assert (failure.exit_code, str(failure)) == (
        ExitCode.INVALID,
        "x.jsonl:7: the text holds half of a surrogate pair (U+D800), which UTF-8 cannot encode; repair or remove the "
        "record",
    )
    assert part.ids.tolist() == [97, 98]
    assert isinstance(other, type(part))  # nothing to encode
    (changed,) = asked(BYTES, "another", ())
    assert "changed while data were prepared" in str(changed.error())
    (unexpected,) = asked(BYTES, encoder.fingerprint, 1)
    assert isinstance(unexpected.error(), RuntimeError)


def test_conversations_are_encoded_alike_elsewhere(tmp_path: Path) -> None:
    made = byte_level()
    made.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    config = {"eos_token": "<|im_end|>", "pad_token": "<pad>"}
    section = Tokenizer(backend="huggingface", name=str(folder(tmp_path, made, tokenizer_config=config)))
    recipe, tokenizer = Recipe(section, Chat(template="chatml")), load_tokenizer(section)
    encoder = Encoder(tokenizer, chat_rows(Chat(template="chatml"), tokenizer))
    messages = [{"role": "user", "content": "what?"}, {"role": "assistant", "content": "that", "at": np.float64(3)}]
    dialogue = Dialogue(read_conversation({"messages": messages}, "messages"), "x", 1)
    (elsewhere,) = asked(recipe, encoder.fingerprint, (dialogue,))
    here = encoder.encode((dialogue,))
    assert [each.tolist() for each in elsewhere[:4]] == [each.tolist() for each in here[:4]]
    assert len(here.spans) == 1
