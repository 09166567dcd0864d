"""Every kind of file, written by another library than the one that reads it, gives the same documents."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pandas
import pyarrow
import pyarrow.parquet
import pytest

from runner.data.sources import Document, Entry, Piece, Skipped
from runner.data.sources.files import open_files
from runner.failure import ExitCode, Failure
from schema.document.file_kinds import KINDS, PACKINGS, SUFFIXES, TEXTS, kind_of
from schema.sections.data import Source

PAIRS = [
    ("What, is\nthis?", 'A "tale", \t in two\r\nlines.'),
    ("naïve — 🙂", "7"),
    ("", " a\\b "),
    ("x" * 200_000, "y"),
]
TEXT = "".join(f"{prompt}{completion}" for prompt, completion in PAIRS)
COLUMNS = pandas.DataFrame(
    {"id": range(len(PAIRS))} | {"prompt": [p for p, _ in PAIRS], "completion": [c for _, c in PAIRS]}
)


def write_arrow(path: Path) -> None:
    with pyarrow.ipc.new_file(path, pyarrow.Table.from_pandas(COLUMNS).schema) as file:
        file.write_table(pyarrow.Table.from_pandas(COLUMNS))


WRITERS: dict[str, Callable[[Path], object]] = {
    ".txt": lambda path: path.write_text(TEXT, newline=""),
    ".md": lambda path: path.write_text(f"\ufeff{TEXT}", newline=""),
    ".jsonl": lambda path: COLUMNS.to_json(path, orient="records", lines=True),
    ".json": lambda path: COLUMNS.to_json(path, orient="records", indent=1),
    ".csv": lambda path: COLUMNS.to_csv(path, index=False, encoding="utf-8-sig"),
    ".tsv": lambda path: COLUMNS.to_csv(path, index=False, sep="\t", quoting=csv.QUOTE_ALL),
    ".parquet": lambda path: COLUMNS.to_parquet(path, row_group_size=2),
    ".arrow": write_arrow,
}


def pack(path: Path, packing: str) -> Path:
    """Pack a file as another program does."""
    packed, content = path.with_name(path.name + packing), path.read_bytes()
    if packing == ".zst":
        with pyarrow.CompressedOutputStream(str(packed), "zstd") as stream:
            stream.write(content)
    else:
        half = len(content) // 2  # of two members, as `cat a.gz b.gz` makes them
        squeeze = gzip.compress if packing == ".gz" else bz2.compress
        packed.write_bytes(squeeze(content[:half]) + squeeze(content[half:]))
    path.unlink()
    return packed


def entries(path: Path | str, **fields: object) -> list[Entry]:
    source = open_files("x", Source.model_validate({"path": str(path)} | fields))
    found = list(source.documents())
    assert [entry.done for entry in found] == sorted(entry.done for entry in found)
    assert found[-1].done <= source.total
    return found


def pairs(path: Path | str, **fields: object) -> list[tuple[str, str]]:
    return [(entry.prompt, entry.completion) for entry in entries(path, **fields) if isinstance(entry, Document)]


def refusal(path: Path, **fields: object) -> str:
    with pytest.raises(Failure) as refused:
        entries(path, **fields)
    assert refused.value.exit_code is ExitCode.INVALID
    return str(refused.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_every_kind_is_read(tmp_path: Path, suffix: str) -> None:
    kind = kind_of(f"x{suffix}")
    assert kind is not None
    path = tmp_path / f"x{kind.kind}"
    WRITERS[kind.kind](path)
    if kind.packing:
        path = pack(path, kind.packing)
    assert pairs(path) == ([("", TEXT)] if kind.kind in TEXTS else PAIRS)
    first = open_files("x", Source(path=str(path)))
    fields, records = first.first_records(lambda number, _: number == 2)
    assert (records, fields.unread) == ((1, ()) if kind.kind in TEXTS else (2, ("id",)))


def test_names_say_kind_and_packing() -> None:
    assert len(SUFFIXES) == len(KINDS) + 6 * len(PACKINGS)
    assert kind_of("a/b.c.jsonl.gz") == (".jsonl", ".gz")
    assert kind_of("a.json") == (".json", "")
    for name in (".jsonl", "a/.csv.gz", "x.parquet.gz", "x.tar.gz", "x.JSONL", "x"):
        assert kind_of(name) is None


JSON = [
    ('{"version": 1.5, "data": [{"text": "a"},\n {"text": "b"}], "note": [1, {}]}', ["a", "b"]),
    ('{"train": []}', []),
    ("[]", []),
    ("", []),
    (' {"text": "alone"} ', ["alone"]),
    ('{"text": "lines"}\n{"text": "of"}\n{"text": "json"}', ["lines", "of", "json"]),
    ('{"text": "a", "scores": [{"by": "b"}]}', None),  # two meanings, of which the first is another record's
]


@pytest.mark.parametrize(("content", "texts"), JSON)
def test_records_of_json_stand_in_one_list(tmp_path: Path, content: str, texts: list[str] | None) -> None:
    (tmp_path / "x.json").write_text(content)
    if texts is None:
        assert "a record needs field 'text'" in refusal(tmp_path / "x.json")
    else:
        assert [text for _, text in (pairs(tmp_path / "x.json") if texts else [])] == texts


REFUSED = [
    (
        "x.csv",
        b"text;id\na;1\n",
        "x.csv:1: the header is one column, 'text;id', and seems to be divided by semicolons; write it with commas",
    ),
    (
        "x.csv",
        b"text\tid\na\t1\n",
        "x.csv:1: the header is one column, 'text\\tid', and seems to be divided by tabs; name it .tsv",
    ),
    (
        "x.csv",
        b'text,id\n"a\nb",1\nc\n',
        "x.csv:4: a row of 1 field where the header has 2 fields; text that holds a "
        "separator or a line break stands in double quotes",
    ),
    (
        "x.csv",
        b'text\na\n"b\nc\n',
        "x.csv:3: not a row: a double quote begins a text here, and nothing ends it; double the quotes inside a text",
    ),
    (
        "x.csv",
        b'text\n"a"b\n',
        "x.csv:2: not a row: text stands behind the double quote that ends another; double the quotes inside a text",
    ),
    ("x.csv", b"text,text\na,b\n", "x.csv:1: two columns are called 'text'; rename one"),
    ("x.tsv", b"text\na\ncaf\xe9\n", "x.tsv:3: byte 0xe9 is not UTF-8; convert the file"),
    ("x.json", b'[{"text": "a"},\n{"text": "b"', "x.json:2: not JSON records: Expecting ',' delimiter"),
    ("x.json", b'[{"text": "a"},\n {"text" "b"}]', "x.json:2: not JSON records: Expecting ':' delimiter"),
    ("x.json", b'[{"text": "a"},\n 7]', "x.json:2: a record must be a JSON object, not int"),
    (
        "x.json",
        b'"text"',
        "x.json:1: not JSON records: a .json file holds an array of records, or an object with one list of records",
    ),
    (
        "x.json",
        b'{"train": [{"text": "a"}],\n"test": [{"text": "b"}]}',
        "x.json:2: not JSON records: 'train' and 'test' are both lists of records; write them into two files",
    ),
    ("x.json", b'[{"text": "a"}]\n]', "x.json:2: not JSON records: something stands behind the array of records"),
    ("x.json", b'[{"text": "a", "text": "b"}]', "x.json:1: not JSON records: field 'text' is written twice"),
    ("x.json", b'[{"text":\n "caf\xe9"}]', "x.json:2: byte 0xe9 is not UTF-8; convert the file"),
    ("x.jsonl.gz", b'{"text": "a"}\n', "x.jsonl.gz: this is no gzip file; pack it with gzip, or name it as what it is"),
    ("x.txt.zst", b"a", "x.txt.zst: this is no zstd file; pack it with zstd, or name it as what it is"),
    ("x.arrow", b"ARROW1", "x.arrow: not a readable arrow file: "),
    ("x.arrow", b"", "x.arrow: not a readable arrow file: "),
]


@pytest.mark.parametrize(("name", "content", "sentence"), REFUSED)
def test_what_is_malformed_is_refused_with_its_place(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).startswith(sentence)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("damage", ["cut off", "damaged"])
def test_packing_that_is_damaged_is_refused_in_one_sentence(tmp_path: Path, packing: str, damage: str) -> None:
    lines = "".join(json.dumps({"text": f"{number * 7919 % 99_991} tales"}) + "\n" for number in range(20_000))
    (tmp_path / "x.jsonl").write_text(lines)
    path = pack(tmp_path / "x.jsonl", packing)
    content = bytearray(path.read_bytes())
    if damage == "cut off":
        content = content[: len(content) * 3 // 4]
    else:
        content[len(content) // 2 : len(content) // 2 + 9] = b"\xff" * 9
    path.write_bytes(content)
    said = refusal(path)
    assert said.startswith(
        f"x.jsonl{packing}: the {'gzip' if packing == '.gz' else 'zstd' if packing == '.zst' else 'bzip2'} file is "
    )
    assert said.endswith("; fetch or pack it again")
    if damage == "cut off":
        assert "is cut off" in said
    assert " 0 bytes" not in said


def test_a_long_text_comes_in_pieces_whatever_it_is_packed_in(tmp_path: Path) -> None:
    text = "Es war einmal — 🙂\n" * 150_000
    (tmp_path / "x.md").write_text(text)
    path = pack(tmp_path / "x.md", ".gz")
    found = entries(path)
    assert all(isinstance(entry, Piece) for entry in found)
    assert "".join(entry.text for entry in found if isinstance(entry, Piece)) == text
    assert [entry.is_last for entry in found if isinstance(entry, Piece)] == [*[False] * (len(found) - 1), True]


def test_a_readme_beside_records_is_about_them(tmp_path: Path) -> None:
    WRITERS[".jsonl"](tmp_path / "x.jsonl")
    (tmp_path / "README.md").write_text("# About")
    found = entries(tmp_path)
    assert [entry.where for entry in found if isinstance(entry, Skipped)] == ["README.md"]
    (tmp_path / "x.jsonl").rename(tmp_path / "notes.md")
    assert len([entry for entry in entries(tmp_path) if isinstance(entry, Document)]) == 2


STORED = Path(__file__).with_name("saved")


def test_what_datasets_saved_is_read(tmp_path: Path) -> None:
    assert pairs(STORED / "train", prompt="qa.question", completion="qa.answer") == [
        ("1 + 1 = ", "2"),
        ("2 + 2 = ", "4"),
    ]
    found = entries(STORED / "train", prompt="qa.question", completion="qa.answer")
    assert {entry.where for entry in found if isinstance(entry, Skipped)} == {"dataset_info.json", "state.json"}
    assert refusal(STORED).endswith(
        "it holds splits of one dataset, by its dataset_dict.json; name one of them: 'saved/train' or 'saved/test'"
    )


def test_what_was_computed_beside_a_saved_dataset_is_left_out(tmp_path: Path) -> None:
    for file in (STORED / "train").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "cache-0123.arrow").write_bytes((STORED / "test" / "data-00000-of-00001.arrow").read_bytes())
    assert len(pairs(tmp_path, prompt="qa.question", completion="qa.answer")) == 2
    (tmp_path / "data-00000-of-00001.arrow").unlink()
    assert "names data-00000-of-00001.arrow, which is not there; save the dataset again" in refusal(tmp_path)


def test_numbers_are_text_where_the_spec_asks(tmp_path: Path) -> None:
    lines = ['{"prompt": "1.10 + 1 = ", "completion": 2.10}', '{"prompt": 12, "completion": -1e5}']
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    assert refusal(tmp_path / "x.jsonl") == (
        "x.jsonl:1: field 'completion' must be text, not float; to read numbers, write numbers_as_text: true under "
        "data/sources/x"
    )
    assert pairs(tmp_path / "x.jsonl", numbers_as_text=True) == [("1.10 + 1 = ", "2.10"), ("12", "-1e5")]
    nested = '{"deep": {"q": "1 + 1 = "%s}, "completion": "2"}'
    for more, remedy in (("", "; write prompt: deep.q under data/sources/x"), (', "r": "3"', "")):
        (tmp_path / "x.jsonl").write_text(nested % more)
        said = f"x.jsonl:1: field 'deep' must be text, not a mapping{remedy}"
        assert refusal(tmp_path / "x.jsonl", prompt="deep", completion="completion") == said
    (tmp_path / "x.jsonl").write_text('{"prompt": true, "completion": 1}')
    assert refusal(tmp_path / "x.jsonl", numbers_as_text=True).endswith("field 'prompt' must be text, not bool")
    (tmp_path / "x.jsonl").write_text('{"prompt": 1e999, "completion": 1}')
    assert refusal(tmp_path / "x.jsonl", numbers_as_text=True).endswith("must be text, not a number that is not finite")
    table = pyarrow.table({"prompt": pyarrow.array([0.1], pyarrow.float32()), "completion": [3]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert pairs(tmp_path / "x.parquet", numbers_as_text=True) == [("0.1", "3")]
