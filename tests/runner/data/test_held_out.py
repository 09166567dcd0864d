"""What one source trains on, no other one validates on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data import held_out as module
from runner.data.catalog import open_catalog
from runner.data.held_out import held_out, without
from runner.data.ledger import RunLedger
from runner.data.stores.display import Silent
from runner.data.stores.store import Split, Store, open_store
from runner.data.styles import load_style
from runner.failure import ExitCode, Failure
from runner.plan.compile import compile_plan
from runner.report.ledger import taken_data
from schema.lint import load_spec
from tests.runner.data.written_store import install_store
from tests.runner.workplace import fill

LONG = 300  # tokens of what is not validated on, so that the last document is


def documents_of(split: Split) -> list[list[int]]:
    return [part.tolist() for part in np.split(split.tokens, split.offsets[1:-1].astype(np.int64))]


def installed(folder: Path, last: Sequence[str], first: Sequence[str] = ()) -> Store:
    """A small store, of which the `last` documents are validated on, as a 1/64."""
    texts = [*first, *(f"{folder.name} {number} ".ljust(LONG) for number in range(64 * len(last) - len(first))), *last]
    ids = [np.frombuffer(text.encode(), np.uint8).astype(np.int32) for text in texts]
    install_store(folder, [(each, [(0, len(each))]) for each in ids])
    return open_store(folder)


def test_a_document_of_two_sources_is_trained_on_and_not_validated_on(tmp_path: Path) -> None:
    tales = installed(tmp_path / "tales", ["a wolf", "a bear"], first=["an owl", "a fox"])
    other = installed(tmp_path / "other", ["a hare"], first=["a bear", "a bean"])
    held, remarks = held_out({"tales": tales, "other": other}, ())
    assert documents_of(held["tales"]) == [[*b"a wolf"]]
    assert held["other"] is other.split("val")
    assert remarks == [
        "dataset 'tales': 1 of 2 validation documents is left out, which 'other' trains on",
    ]
    rows = load_style("PADDED").open_rows(held["tales"], 8, "truncate")
    assert rows.gather(np.arange(len(rows))).tokens[:, :6].tolist() == [[*b"a wolf"]]
    # Its packing is its own, also where the store keeps one for all of its documents.
    split = tales.splits["val"]
    split.packings.keep(split.in_order(), 13, False)
    assert len(load_style("PACKED").open_rows(held["tales"], 12, "truncate").documents(0)) == 1


def test_a_summary_counts_what_is_left_out_of_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, told in (("held", ["a wolf", "a bear"]), ("other", ["a bear", "a hare", "an owl"])):
        records = [{"prompt": "who? ", "completion": each} for each in told]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    sources = ("data/sources/tales/validation=held.jsonl", "data/sources/other/path=other.jsonl")
    lora = "training/post_lora_dataset=[[{name: other, rate: 1.0, style: PADDED}]]"
    spec = load_spec("spec.yaml", (*sources, "data/sources/other/validation=tales.jsonl", lora))
    with pytest.raises(Failure, match="'other' has no validation of its own"):
        open_catalog(spec, compile_plan(spec), Silent())
    spec = load_spec("spec.yaml", (*sources, "data/sources/other/validation=[tales.jsonl, held.jsonl]", lora))
    catalog = open_catalog(spec, plan := compile_plan(spec), Silent())
    told = taken_data(catalog, plan, spec, RunLedger()).left_out
    assert {name: facts["left_out_of_validation"] for name, facts in told.items()} == {"tales": 1, "other": 100}


@pytest.mark.parametrize("documents_at_once", [1, 3, 100])
def test_no_token_is_read_of_documents_of_another_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, documents_at_once: int
) -> None:
    tales = installed(tmp_path / "tales", ["a wolf", "a bear"])
    other = installed(tmp_path / "other", ["a hare"], first=["a bee", "a bear", "a crane", "a boar"])
    monkeypatch.setattr(module, "DOCUMENTS_AT_ONCE", documents_at_once)
    read, marks = list[int](), module._marks

    def watched(split: Split, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        read.extend(numbers.tolist() if split is other.splits["train"] else [])
        return marks(split, numbers)

    monkeypatch.setattr(module, "_marks", watched)
    assert documents_of(held_out({"tales": tales, "other": other}, ())[0]["tales"]) == [[*b"a wolf"]]
    assert read == [1, 3]


def test_validation_that_is_all_trained_on_is_refused(tmp_path: Path) -> None:
    tales = installed(tmp_path / "tales", ["a wolf"])
    other = installed(tmp_path / "other", ["a hare"], first=["a wolf"])
    with pytest.raises(Failure, match="'other' trains on all 1 of its validation documents; give it other") as caught:
        held_out({"tales": tales, "other": other}, ())
    assert caught.value.exit_code is ExitCode.INVALID


def test_who_is_divided_by_content_alone_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tales = installed(tmp_path / "tales", ["a wolf", "a bear"])
    other = installed(tmp_path / "other", ["a hare"], first=["a bear"])
    monkeypatch.setattr(module, "LARGE", 10)
    stores = {"tales": tales, "other": other}
    assert held_out(stores, ())[1] == []
    assert "'other' trains on" in held_out(stores, ["tales"])[1][0]  # by files of its own
    believed = replace(other, meta=replace(other.meta, believed=True))  # the tokens of another program
    assert "'other' trains on" in held_out({"tales": tales, "other": believed}, ())[1][0]


def test_tokens_of_another_program_are_compared_with_themselves(tmp_path: Path) -> None:
    store = installed(tmp_path / "tales", ["a wolf", "a bear"], first=["a bear"])
    believed = replace(store, meta=replace(store.meta, believed=True))
    assert documents_of(held_out({"tales": believed}, ())[0]["tales"]) == [[*b"a wolf"]]
    assert held_out({"tales": store}, ())[1] == []


@settings(max_examples=25)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=4), st.booleans(), st.booleans()), min_size=1, max_size=9))
def test_a_split_without_documents_is_that_of_the_others(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[bytes, bool, bool]]
) -> None:
    drawn.append((b"last", False, True))
    ids = [(np.frombuffer(text, np.uint8).astype(np.int32), is_left, is_cut) for text, is_left, is_cut in drawn]
    folder = tmp_path_factory.mktemp("split")
    documents = [(each, [(len(each) // 2 if is_cut else 0, len(each))]) for each, _, is_cut in ids]
    install_store(folder / "all", documents)
    split = open_store(folder / "all").splits["train"]
    number = len(split.offsets) - 1  # the rest is validated on
    left_out = np.array([is_left for _, is_left, _ in ids[:number]])
    if left_out.all():
        left_out[0] = False
    found = without(split, left_out)
    kept = [numbered for numbered in range(number) if not left_out[numbered]]
    assert documents_of(found) == [documents_of(split)[each] for each in kept]
    assert (found.meta.documents, found.meta.tokens) == (len(kept), len(found.tokens))
    padded = load_style("PADDED")
    whole, part = (padded.open_rows(each, 8, "truncate") for each in (split, found))
    assert part.gather(np.arange(len(kept))).supervised.tolist() == whole.gather(np.array(kept)).supervised.tolist()
