"""Sources: which documents come out, in which order, and what is said about files that are wrong."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from runner.data.sources import BUILTIN, Document, Skipped, find_source, unknown_dataset
from runner.data.sources._records import Records
from runner.data.sources.files import open_files
from runner.data.sources.pydoc import PyDoc, examples
from runner.data.sources.pystdlib import PyStdlib, library_files
from runner.failure import ExitCode, Failure
from schema.sections.data import Data, Source


def texts(source: object) -> list[tuple[str, str]]:
    return [(entry.prompt, entry.completion) for entry in source.documents() if isinstance(entry, Document)]


def refusal(path: Path) -> str:
    with pytest.raises(Failure) as caught:
        list(open_files("notes", Source(path=str(path))).documents())
    assert caught.value.exit_code is ExitCode.INVALID
    return str(caught.value).replace(str(path.parent), "DIR")


def test_the_library_is_listed_without_tests_and_packages(tmp_path: Path) -> None:
    for name in (
        "b.py",
        "a/z.py",
        "a/notes.txt",
        "test/t.py",
        "a/tests/t.py",
        "site-packages/p.py",
        "a/__pycache__/c.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "c.py").write_bytes(b"# caf\xe9\n")
    source = PyStdlib(library_files(tmp_path))
    assert [name for name, _ in source.files] == ["a/z.py", "b.py", "c.py"]
    assert list(source.documents())[-1] == Skipped("not UTF-8", "c.py", 3)


def test_a_library_without_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no source text under"):
        library_files(tmp_path)


def test_the_fingerprint_depends_on_content_and_format_but_on_no_name(tmp_path: Path) -> None:
    prints = []
    for place, name, text in (
        ("one", "a.txt", "x"),
        ("two", "a.txt", "x"),
        ("three", "b.txt", "x"),
        ("four", "a.txt", "y"),
        ("five", "a.jsonl", "x"),
    ):
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_text(text)
        prints.append(open_files("notes", Source(path=str(tmp_path / place))).fingerprints()[0])
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints)) == 3
    other_field = Source(path=str(tmp_path / "one"), text="content")
    assert open_files("notes", other_field).fingerprints()[0] != prints[0]


def test_docstrings_become_completions_of_their_signatures() -> None:
    tree = ast.parse(
        "class Box(object):\n"
        "    def put(self, x: int = 3, *, deep=False) -> None:\n"
        '        """Put x\n        into the box."""\n'
        "        def inner():\n"
        '            """A function inside another."""\n'
        "async def fetch(*names):\n"
        '    """Fetch them all at once."""\n'
        "def short():\n"
        '    """Too short."""\n'
    )
    assert list(examples(tree)) == [
        ('class Box:\n    def put(self, x: int=3, *, deep=False) -> None:\n        """', "Put x\ninto the box.", 2),
        ('def inner():\n    """', "A function inside another.", 5),
        ('async def fetch(*names):\n    """', "Fetch them all at once.", 7),
    ]


def test_a_folder_is_read_in_order_and_other_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes("\ufeffsecond\r\n".encode())
    (tmp_path / "a.jsonl").write_text('{"text": "first"}\n\n')
    (tmp_path / "aa.jsonl").write_text('{"text": "2+2=4", "completion": "4"}\n')
    (tmp_path / "c.parquet").parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["third", "fourth"], "id": [1, 2]}), tmp_path / "c.parquet")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / ".hidden.txt").write_text("no")
    source = open_files("notes", Source(path=str(tmp_path)))
    assert texts(source) == [("", "first"), ("", "2+2=4"), ("", "second\r\n"), ("", "third"), ("", "fourth")]
    entries = list(source.documents())
    assert [entry.where for entry in entries if isinstance(entry, Skipped)] == ["README.md", ".hidden.txt"]
    assert entries[-1].done == source.total


@pytest.mark.parametrize("pattern", ["*.txt", "**/*.txt", "[ab].txt"])
def test_globs_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.txt").write_text("B")
    (tmp_path / "in" / "a.txt").write_text("A")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    assert texts(open_files("notes", Source(path=f"../in/{pattern}"))) == [("", "A"), ("", "B")]
    assert texts(open_files("notes", Source(path=f"{tmp_path}/in/{pattern}"))) == [("", "A"), ("", "B")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"text": "ok"}\n{"text": "cut', "DIR/x.jsonl:2: not JSON: Unterminated string starting at at column 10"),
        (b'{"text": "ok"}\n[1]\n', "DIR/x.jsonl:2: a line must be one JSON object, not list"),
        (b'{"text": null}\n', "DIR/x.jsonl:1: field 'text' must be text, not null"),
        (b'{"text": "caf\xe9"}\n', "DIR/x.jsonl:1: byte 0xe9 is not UTF-8; convert the file"),
        (
            b'{"body": "a", "prompt": "b"}\n',
            "DIR/x.jsonl:1: a record needs field 'text', or 'prompt' and 'completion' together; it has 'body', "
            "'prompt'; write prompt: prompt, completion: body under data/sources/notes",
        ),
        (
            b'{"prompt": "a", "completion": "b"}\n{"completion": "b"}\n',
            "DIR/x.jsonl:2: there is no field 'prompt' to go before 'completion'; it has 'completion', and "
            "DIR/x.jsonl:1 is read by 'prompt' and 'completion'; make all records of a source alike",
        ),
        (
            b'{"text": "a", "text": "b"}\n',
            "DIR/x.jsonl:1: not a record: field 'text' is written twice",
        ),
    ],
)
def test_malformed_records_are_refused_with_their_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    assert refusal(tmp_path / "x.jsonl") == sentence


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"text": ' + b"9" * 5000 + b"}"])
def test_json_that_python_refuses_is_refused_with_its_line(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(line)
    assert refusal(tmp_path / "x.jsonl").startswith("DIR/x.jsonl:1: not a record: ")


def test_text_that_is_no_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"one\ntwo\ncaf\xe9")
    assert refusal(tmp_path / "x.txt") == "DIR/x.txt:3: byte 0xe9 is not UTF-8; convert the file"


def test_damaged_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"")
    assert refusal(tmp_path / "x.parquet").startswith("DIR/x.parquet: not a readable parquet file: ")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a" * 999] * 99}), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(content[: len(content) // 2])
    assert refusal(tmp_path / "x.parquet").startswith("DIR/x.parquet: not a readable parquet file: ")


@pytest.mark.parametrize("large", ["text", "image", "note"])
def test_of_a_large_group_of_rows_a_part_is_held(large: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"text": "a tale", "image": b"x", "note": "b"} | {large: b"x" * 4000 if large == "image" else "x" * 4000}
    table, path = pyarrow.table({name: [value] * 8000 for name, value in row.items()}), tmp_path / "x.parquet"
    pyarrow.parquet.write_table(table, path, compression="none", use_dictionary=False)  # 32 MB
    del table
    before, held = pyarrow.total_allocated_bytes(), []
    monkeypatch.setattr(Records, "_note_columns", lambda *_: held.append(pyarrow.total_allocated_bytes() - before))
    documents = open_files("x", Source(path=str(path))).documents()
    assert isinstance(next(documents), Document)
    assert max(*held, pyarrow.total_allocated_bytes() - before) < 16_000_000


def test_parquet_fields_are_checked(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"body": ["a"]}), tmp_path / "x.parquet")
    assert "it has 'body'" in refusal(tmp_path / "x.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", None]}), tmp_path / "x.parquet")
    assert refusal(tmp_path / "x.parquet") == "DIR/x.parquet, row 2: field 'text' must be text, not null"


def test_paths_without_files_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == "data/sources/notes/path: 'DIR/none' does not exist"
    (tmp_path / "x.pdf").write_text("a,b")
    wrong = "names no .txt, .md, .jsonl, .json, .csv, .tsv, .parquet or .arrow file"
    assert refusal(tmp_path / "x.pdf") == f"data/sources/notes/path: 'DIR/x.pdf' {wrong}"
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty") == f"data/sources/notes/path: 'DIR/empty' {wrong}"
    assert refusal(tmp_path / "**x").startswith("data/sources/notes/path: 'DIR/**x' can't be read: ")
    with pytest.raises(Failure, match="'~nobody_here/x' does not exist"):
        open_files("notes", Source(path="~nobody_here/x"))


@pytest.mark.parametrize(
    ("section", "record", "read"),
    [
        ({}, {"text": "t", "completion": "c"}, ("", "t")),
        ({}, {"completion": "c"}, None),
        ({"completion": "completion"}, {"completion": "c"}, ("", "c")),
        ({}, {"prompt": "p", "completion": "c", "text": "t"}, ("p", "c")),
        ({"text": "text"}, {"prompt": "p", "completion": "c", "text": "t"}, ("", "t")),
        ({"completion": "answer"}, {"answer": "a", "text": "t"}, ("", "a")),
        ({"completion": "answer"}, {"answer": "a", "prompt": "p"}, ("p", "a")),
        ({"prompt": "question"}, {"question": "q", "completion": "c"}, ("q", "c")),
        ({"prompt": "qestion"}, {"question": "q", "completion": "c"}, None),
        ({"completion": "anser"}, {"prompt": "p", "answer": "a", "text": "t"}, None),
    ],
)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_fields_that_the_spec_names_must_be_there(
    tmp_path: Path, suffix: str, section: dict[str, str], record: dict[str, str], read: tuple[str, str] | None
) -> None:
    path = tmp_path / f"x.{suffix}"
    if suffix == "jsonl":
        path.write_text(json.dumps(record) + "\n")
    else:
        pyarrow.parquet.write_table(pyarrow.table({name: [value] for name, value in record.items()}), path)
    source = open_files("notes", Source(path=str(path), **section))
    if read is None:
        with pytest.raises(Failure, match=r"a record needs field|no field 'prompt' to go before"):
            list(source.documents())
    else:
        assert texts(source) == [read]


def test_unknown_names_are_refused_with_the_nearest_known(tmp_path: Path) -> None:
    data = Data(root=str(tmp_path / "data"))
    assert find_source("pystdlb", data) is None
    assert str(unknown_dataset("pystdlb", data)) == (
        "dataset 'pystdlb' is neither built in, nor in data/sources or the catalogue, nor a store under data/root "
        f"'{data.root}'; did you mean 'pystdlib'?"
    )
    assert str(unknown_dataset("books", data)).endswith(
        "known are pydoc, pystdlib, alpaca, fineweb, fineweb-edu, tinystories, ultrachat"
    )


def test_a_source_must_not_take_the_name_of_a_builtin() -> None:
    with pytest.raises(Failure, match="data/sources/pydoc: 'pydoc' is a built-in dataset; write another name"):
        find_source("pydoc", Data(sources={"pydoc": Source(path="x.txt")}))


def test_builtin_names_are_those_of_their_sources() -> None:
    for name, open_source in BUILTIN.items():
        assert open_source().name == name


def test_reading_starts_behind_any_entry(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n' * 3)
    (tmp_path / "b.jsonl").write_text('{"text": "x", "title": "y"}\n')
    (tmp_path / "x.py").write_text('def f():\n    """What it does, at length."""\n')
    library = ((path.name, path) for path in sorted(tmp_path.glob("*.py")))
    modules = tuple(library) * 2
    for source in (open_files("notes", Source(path=f"{tmp_path}/*.jsonl")), PyStdlib(modules), PyDoc(modules)):
        entries = list(source.documents())
        assert all(list(source.documents(start)) == entries[start:] for start in range(len(entries) + 1))
