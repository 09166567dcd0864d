"""A line that is too long to be held gives what it would give as a whole: the same documents, the same refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.file_kinds import json as json_kind
from runner.data.file_kinds import jsonl, long_line, rows
from runner.data.sources import Document, Entry, Found, Piece
from runner.data.sources import _texts as texts
from runner.data.sources.files import open_files
from runner.failure import Failure
from schema.sections.data import Source

SIGNS = st.sampled_from([*'ab"\\/ \n\t\x1f', "é", "中", "🙂", "𐏿", "\ud83d"])


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A line of 40 bytes is long, and so is a text of 12; parts are of 7 bytes."""
    with monkeypatch.context() as patch:
        patch.setattr(jsonl, "LONG_LINE_BYTES", 40)
        patch.setattr(long_line, "LONG_TEXT_BYTES", 12)
        patch.setattr(long_line, "PART_BYTES", 7)
        yield patch


def outcome(path: Path, **fields: str) -> tuple[list[tuple[str, str, str]], Found | str]:
    """The documents of a file, pieces joined, and what was found beside them, or why it was refused."""
    documents, begun = [], ""
    try:
        for entry in open_files("x", Source.model_validate({"path": str(path)} | fields)).documents():
            if isinstance(entry, Document):
                documents.append((entry.prompt, entry.completion, entry.where))
            elif isinstance(entry, Piece):
                begun += entry.text
                if entry.is_last:
                    documents.append(("", begun, entry.where))
                    begun = ""
            elif isinstance(entry, Found):  # what is lost is judged by the beginnings of long texts
                return documents, replace(entry, fields=entry.fields._replace(lost=()))
    except Failure as failure:
        return documents, str(failure)
    return documents, ""


def both(path: Path, content: bytes, **fields: str) -> None:
    """Read a file with small limits and without."""
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "LONG_LINE_BYTES", 2**30)
        whole = outcome(path, **fields)
    found = outcome(path, **fields)
    assert found[1] == whole[1]
    assert found[0] == whole[0] or isinstance(whole[1], str)


@settings(max_examples=25, deadline=None)
@given(
    records=st.lists(
        st.fixed_dictionaries(
            {"text": st.text(SIGNS, max_size=60)},
            optional={"id": st.integers(), "other": st.text(SIGNS, max_size=30), "in": st.lists(st.text(SIGNS))},
        ),
        max_size=3,
    ),
    ascii_only=st.booleans(),
    damage=st.none() | st.tuples(st.integers(0, 400), st.binary(max_size=2)),
)
def test_long_lines_are_read_as_short_ones(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]], ascii_only: bool, damage: tuple | None
) -> None:
    lines = [json.dumps(record, ensure_ascii=ascii_only).encode(errors="surrogatepass") for record in records]
    content = b"\xef\xbb\xbf" * ascii_only + b"\n".join([*lines, b"  " * 30])
    if damage is not None:
        at = damage[0] % (len(content) + 1)
        content = content[:at] + damage[1] + content[at + len(damage[1]) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "LONG_LINE_BYTES", 40)
        patch.setattr(long_line, "LONG_TEXT_BYTES", 12)
        patch.setattr(long_line, "PART_BYTES", 7)
        path = tmp_path_factory.mktemp("long") / "x.jsonl"
        path.write_bytes(content)
        found = outcome(path)
        patch.setattr(jsonl, "LONG_LINE_BYTES", 2**30)
        whole = outcome(path)
    if isinstance(whole[1], str) and whole[1]:
        assert isinstance(found[1], str)
        assert found[1].split(":")[:2] == whole[1].split(":")[:2]  # file and line
        assert len(found[0]) <= len(whole[0])
    else:
        assert found == whole


REFUSED = [
    b'{"text": "' + b"a" * 50 + b'\\x"}',
    b'{"text": "' + "é".encode() * 50 + b'\n"}',
    b'{"text": "' + "é".encode() * 50 + b'\x01"}',
    b'{"text": "' + b"a" * 50 + b"\xff" + b'"}',
    b'{"text": "' + "é".encode() * 50 + b'" 1}',
    b'{"text": "' + b"a" * 50,
    b'{"id": x, "text": "' + b"a" * 50 + b'"}',
    b'{"text": "' + b"a" * 50 + b'", "text": ""}',
    b'["' + b"a" * 50 + b'"]',
    b'{"body": "' + b"a" * 50 + b'", "id": 1}',
    b'{"text": "' + b"a" * 50 + b'\\u12g4"}',
]


@pytest.mark.parametrize("line", REFUSED)
def test_a_malformed_long_line_is_refused_in_the_same_words(
    tmp_path: Path, small_limits: pytest.MonkeyPatch, line: bytes
) -> None:
    both(tmp_path / "x.jsonl", b'{"text": "short"}\n' + line + b"\n")


def test_long_texts_may_lie_anywhere_and_belong_to_anything(tmp_path: Path, small_limits: pytest.MonkeyPatch) -> None:
    long = "Es war einmal — 🙂 " * 9
    record = {"id": [1, {"a": long}], "qa": {"question": long, "answer": f"\\{long}"}, "note": long}
    content = json.dumps(record).encode() + b"\n" + json.dumps(record, ensure_ascii=False).encode() + b"\n"
    both(tmp_path / "x.jsonl", content, prompt="qa.question", completion="qa.answer")
    both(tmp_path / "x.jsonl", content, text="qa.answer")
    both(tmp_path / "x.jsonl", content, text="id.1.a")
    small_limits.setattr(rows, "MOST_HELD", 50)
    assert "beside another field 50 are the most" in str(
        outcome(tmp_path / "x.jsonl", prompt="note", completion="qa.answer")
    )


def test_a_record_of_many_short_texts_is_refused(tmp_path: Path, small_limits: pytest.MonkeyPatch) -> None:
    small_limits.setattr(long_line, "SKELETON_BYTES", 60)
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": [f"{n}" for n in range(90)]}))
    assert "more than 60 are no long text; divide it into several" in str(outcome(tmp_path / "x.jsonl")[1])


def test_records_of_json_may_be_cut_anywhere_by_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"text": f'{n} "𐏿"\\ é' * 3, "id": n * 1.5e10} for n in range(20)]
    for content in (json.dumps(records), json.dumps({"data": records}, indent=1, ensure_ascii=False)):
        (tmp_path / "x.json").write_text(content)
        expected = outcome(tmp_path / "x.json")
        assert len(expected[0]) == 20
        for window in (1, 2, 3, 7):
            monkeypatch.setattr(json_kind, "WINDOW_BYTES", window)
            assert outcome(tmp_path / "x.json") == expected
    monkeypatch.setattr(json_kind, "RECORD_CHARACTERS", 30)
    assert "a record of more than 30 characters" in str(outcome(tmp_path / "x.json")[1])


def test_a_long_cell_of_a_table_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow
    import pyarrow.parquet

    from runner.data.file_kinds import table

    table_of = pyarrow.table({"text": ["short", "é🙂" * 400, None], "id": [1, 2, 3]}).slice(0, 2)
    pyarrow.parquet.write_table(table_of, tmp_path / "x.parquet")
    with (tmp_path / "x.arrow").open("wb") as file, pyarrow.ipc.new_stream(file, table_of.schema) as stream:
        stream.write_table(table_of)
    monkeypatch.setattr(table, "BATCH_BYTES", 100)
    monkeypatch.setattr(table, "PART_BYTES", 64)
    for name in ("x.parquet", "x.arrow"):
        source = open_files("x", Source(path=str(tmp_path / name)))
        entries: list[Entry] = list(source.documents())
        assert [type(entry) for entry in entries[:2]] == [Document, Piece]
        assert [text for _, text, _ in outcome(tmp_path / name)[0]] == ["short", "é🙂" * 400]


def test_a_text_of_more_than_a_piece_comes_in_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.data.sources import _records

    monkeypatch.setattr(texts, "PIECE_CHARACTERS", 10)
    monkeypatch.setattr(_records, "PIECE_CHARACTERS", 10)
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "a" * 25}) + "\n" + json.dumps({"text": "b" * 10}))
    entries = list(open_files("x", Source(path=str(tmp_path / "x.jsonl"))).documents())
    assert [entry.text for entry in entries if isinstance(entry, Piece)] == ["a" * 10, "a" * 10, "a" * 5]
    assert [entry.completion for entry in entries if isinstance(entry, Document)] == ["b" * 10]
