"""Copies of documents: found whatever the batches, and on one side of the split however few documents there are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runner.data.stores.kept import Keys, Seen, keys_of
from runner.data.stores.prepare import prepare_store
from runner.data.stores.split import LEAST_VAL_TOKENS, lowest
from runner.data.stores.store import Store
from runner.data.tokenizers.byte import ByteTokenizer
from schema.sections.data import Data, Source
from tests.runner.data.listener import Listener
from tests.runner.data.written_store import belongs_to_val


def keys(contents: list[int]) -> Keys:
    """Some end with zeros, as every 256th digest does."""
    return np.array([bytes([content % 3]) * 8 + content.to_bytes(8, "little") for content in contents], "S16")


@given(st.lists(st.lists(st.integers(0, 300)), max_size=12), st.lists(st.integers(0, 300), max_size=9))
def test_the_first_of_each_content_stays_whatever_the_batches(batches: list[list[int]], before: list[int]) -> None:
    seen, known = Seen(keys(before)), set(before)
    for batch in batches:
        wanted = []
        for content in batch:
            wanted.append(content not in known)
            known.add(content)
        assert seen.first(keys(batch)).tolist() == wanted


def test_a_key_is_of_the_text_and_of_where_its_prompt_ends() -> None:
    digests = np.frombuffer(b"".join(hashlib.sha256(text).digest() for text in (b"ab", b"ab", b"ab", b"c")), np.uint8)
    found = keys_of(digests.reshape(4, 32), np.array([0, 1, 1, 0])).tolist()
    assert len(set(found)) == 3
    assert found[1] == found[2]


DOCUMENTS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3000)), min_size=1, max_size=200)


@given(DOCUMENTS, st.booleans(), st.randoms())
def test_a_small_set_is_divided_by_content_alone(drawn: list[tuple[int, int]], whole: bool, random: Random) -> None:
    lengths = dict(drawn)  # copies have one length
    documents = [(content, lengths[content]) for content, _ in drawn]
    shuffled = list(documents)
    random.shuffle(shuffled)
    found = []
    for each in (documents, shuffled):
        contents = [content for content, _ in each]
        tokens = np.array([length for _, length in each], np.int64)
        chosen = lowest(keys(contents), tokens, np.full(len(each), whole))
        sides = {*zip(contents, chosen.documents.tolist(), strict=True)}
        assert len(sides) == len(set(contents))  # copies are on one side
        val = {content for content, is_val in sides if is_val}
        assert bool(val) + bool(chosen.cut) == (len(set(contents)) > 1 or bool(chosen.cut))
        if chosen.cut:
            assert LEAST_VAL_TOKENS <= chosen.cut <= tokens[chosen.of] / 2
            assert contents.count(contents[chosen.of]) == 1
        found.append((val, chosen.cut, contents[chosen.of] if chosen.cut else None))
    assert found[0] == found[1]


def test_one_long_text_gives_its_end() -> None:
    chosen = lowest(keys([1]), np.array([64 * 100]), np.array([True]))
    assert (chosen.cut, chosen.of, bool(chosen.documents.any())) == (100, 0, False)
    assert lowest(keys([1]), np.array([64 * 100]), np.array([False])).cut == 0
    assert lowest(keys([1, 1]), np.array([6400, 6400]), np.array([True, True])).cut == 0


def prepared(folder: Path, records: Sequence[object], said: Listener | None = None, **keys: Any) -> Store:
    """The store of records; its splits have both something where that can be."""
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    data = Data(root=str(folder / "stores"), sources={"x": Source(path=str(path))}, **keys)
    return prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=said or Listener())


def texts_of(store: Store, split: str) -> list[str]:
    found = store.splits[split]
    return [ByteTokenizer().decode(ids) for ids in np.split(found.tokens, found.offsets[1:-1].astype(np.int64))]


def test_copies_in_a_small_set_are_on_one_side_in_any_order(tmp_path: Path) -> None:
    few = [f"text {i}" for i in range(400) if not belongs_to_val(f"text {i}")][:20]
    found = []
    for number, order in enumerate((few * 3, few[::-1] * 3, sorted(few * 3))):
        (tmp_path / str(number)).mkdir()
        store = prepared(tmp_path / str(number), [{"text": text} for text in order])
        train, val = texts_of(store, "train"), texts_of(store, "val")
        assert sorted(train + val) == sorted(order)
        assert not {*train} & {*val}
        assert train == [text for text in order if text in train]
        assert store.splits["train"].supervised.tolist() == [0, len(store.splits["train"].tokens)]
        found.append({*val})
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_copies_are_left_out_where_the_spec_says_so(tmp_path: Path) -> None:
    pairs = [("a? ", "b"), ("a", "? b"), ("a? ", "b"), ("c? ", "d"), ("a? ", "b")]
    records = [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
    every, said, again = prepared(tmp_path, records), Listener(), Listener()
    store = prepared(tmp_path, records, said, deduplicate="exact")
    assert sum(split.documents for split in store.meta.splits.values()) == 3
    assert [*store.meta.skipped.values()] == [2]
    assert said.sentences[0].startswith("dataset 'x': the data/deduplicate changed since")
    assert "2 entries were left out: 2 copied from an earlier entry (" in said.sentences[-1]
    assert store.digest != every.digest
    assert prepared(tmp_path, records, again, deduplicate="exact").digest == store.digest
    assert again.sentences == []
    assert prepared(tmp_path, records).digest == every.digest


def test_copies_of_a_long_text_come_in_pieces_and_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for name in "abc":
        (tmp_path / "x" / f"{name}.txt").write_text("some words " * 100_000)
    (tmp_path / "x" / "d.txt").write_text("another text")
    data = Data(root=str(tmp_path / "stores"), sources={"x": Source(path=str(tmp_path / "x"))}, deduplicate="exact")
    said = Listener()
    store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=said)
    assert store.meta.splits["train"].tokens + store.meta.splits["val"].tokens == 1_100_001 + 13
    assert "2 copied from an earlier entry (" in said.sentences[-1]
    kinds = ("tokens", "offsets", "supervised")
    expected = {"meta.json", *(f"{split}.{kind}.bin" for split in ("train", "val") for kind in kinds)}
    assert {path.name for path in store.folder.iterdir()} == expected


def test_what_is_trained_on_is_left_out_of_files_to_validate_on(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": f"text {i}"}) + "\n" for i in range(50)))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": f"text {i}"}) + "\n" for i in range(48, 60)))
    source = Source(path=str(tmp_path / "a.jsonl"), validation=str(tmp_path / "b.jsonl"))
    data, said = Data(root=str(tmp_path / "stores"), sources={"x": source}), Listener()
    store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=said)
    assert [len(texts_of(store, split)) for split in ("train", "val")] == [50, 10]
    assert "2 entries were left out: 2 to validate on that are trained on, too (" in said.sentences[-1]
