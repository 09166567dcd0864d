"""Which files a source reads: each entry that its path names is read, refused, or left out by name and counted."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.sources import Document, Skipped
from runner.data.sources._listing import list_files
from runner.data.sources.files import open_files
from runner.data.sources.pystdlib import library_files
from runner.failure import ExitCode, Failure
from schema.sections.data import Source

EVERYTHING = ("d", "d/**", "d/**/*", "./d/", "d/**/**/*.txt")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(*names: str) -> None:
    """Write files that hold their names, and folders, which end in a slash."""
    for name in names:
        (Path(name) if name.endswith("/") else Path(name).parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            Path(name).write_text(name)


def link(name: str, target: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).symlink_to(target)


def read(path: str) -> tuple[list[str], set[tuple[str, str]]]:
    """The texts that a source reads, and (reason, name) of what it leaves out."""
    entries = list(open_files("notes", Source(path=path)).documents())
    texts = [entry.completion for entry in entries if isinstance(entry, Document)]
    return texts, {(entry.reason, entry.where) for entry in entries if isinstance(entry, Skipped)}


def refusal(path: str) -> str:
    with pytest.raises(Failure) as caught:
        list(open_files("notes", Source(path=path)).documents())
    assert caught.value.exit_code is ExitCode.INVALID
    return str(caught.value).removeprefix("data/sources/notes/path: ")


@pytest.mark.parametrize("path", EVERYTHING)
def test_a_hidden_folder_is_left_out_of_folders_and_patterns_alike(here: Path, path: str) -> None:
    fill("d/a.txt", "d/sub/b.txt", "d/.ipynb_checkpoints/a-checkpoint.txt", "d/sub/.trash/c.txt", "d/.a.txt")
    texts, left_out = read(path)
    assert texts == ["d/a.txt", "d/sub/b.txt"]
    assert left_out == {("hidden", ".ipynb_checkpoints"), ("hidden", "sub/.trash"), ("hidden", ".a.txt")}


def test_what_is_hidden_is_read_where_the_path_says_so(here: Path) -> None:
    fill("d/.a.txt", "d/.b/c.txt", "d/e.txt")
    assert read("d/.*.txt") == (["d/.a.txt"], set())
    assert read("d/.b") == (["d/.b/c.txt"], set())
    assert read("d/.*/*.txt") == (["d/.b/c.txt"], set())


@pytest.mark.parametrize("path", EVERYTHING)
@pytest.mark.parametrize("name", ["d/b.txt", "d/sub/part-2", "d/c.parquet"])
def test_a_link_to_nowhere_is_refused(here: Path, path: str, name: str) -> None:
    fill("d/a.txt")
    link(name, "gone")
    if name.endswith(".parquet") and path.endswith("*.txt"):
        assert read(path) == (["d/a.txt"], set())
    else:
        assert f"'{name}' is a link to 'gone', which is not there; bring that back, or remove the link" in refusal(path)


def test_links_to_nowhere_of_another_format_are_left_out(here: Path) -> None:
    fill("d/a.txt")
    link("d/README.rst", "gone")
    link("d/.#a.txt", "somebody@host.1234")  # an editor's lock
    assert read("d") == (["d/a.txt"], {("of another format", "README.rst"), ("hidden", ".#a.txt")})


@pytest.mark.parametrize("path", EVERYTHING)
def test_a_linked_folder_is_read(here: Path, path: str) -> None:
    fill("d/a.txt", "elsewhere/b.txt", "elsewhere/deep/c.txt")
    link("d/more", "../elsewhere")
    assert read(path) == (["d/a.txt", "elsewhere/b.txt", "elsewhere/deep/c.txt"], set())


@pytest.mark.parametrize("path", EVERYTHING)
def test_nothing_is_read_twice_through_links(here: Path, path: str) -> None:
    fill("d/2026-10/a.txt", "d/2026-11/a.txt", "d/b.txt")
    for name, target in (("d/a_latest", "2026-11"), ("d/newest.txt", "b.txt"), ("d/up", "."), ("d/2026-10/top", "..")):
        link(name, target)
    link("d/all", "2026-11/../../d/2026-11")
    texts, left_out = read(path)
    assert texts == ["d/2026-10/a.txt", "d/2026-11/a.txt", "d/b.txt"]
    assert left_out == {
        ("linked to a folder that is read already", "a_latest"),
        ("linked to a folder that is read already", "all"),
        ("linked to a file that is read already", "newest.txt"),
        ("linked to a folder above", "up"),
        ("linked to a folder above", "2026-10/top"),
    }


def test_folders_that_link_to_each_other_end(here: Path) -> None:
    fill("d/a.txt", "one/b.txt", "two/c.txt")
    for name, target in (("d/one", "../one"), ("one/two", "../two"), ("two/one", "../one")):
        link(name, target)
    texts, left_out = read("d")
    assert texts == ["d/a.txt", "one/b.txt", "two/c.txt"]
    assert left_out == {("linked to a folder that is read already", "one/two/one")}


@pytest.mark.parametrize("path", ["d", "d/*.txt", "d/**/*.txt", "d/loop.txt"])
def test_a_link_that_leads_back_to_itself_is_refused(here: Path, path: str) -> None:
    fill("d/a.txt")
    link("d/loop.txt", "loop.txt")
    assert refusal(path) == f"'{path}' can't be read: 'd/loop.txt' is a link that leads back to itself; remove it"


@pytest.fixture
def locked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every folder that is called `locked` one without permission, for the superuser too."""

    def scandir(folder: str | Path) -> Any:
        if Path(folder).name == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return unlocked(folder)

    unlocked = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("path", ["d", "d/**/*.txt", "d/*/b.txt", "d/locked", "d/locked/*.txt"])
def test_an_unreadable_folder_is_refused(path: str) -> None:
    fill("d/a.txt", "d/locked/b.txt", "d/open/b.txt")
    assert refusal(path) == "d/locked: Permission denied"


@pytest.mark.usefixtures("locked")
def test_an_unreadable_folder_of_the_library_is_refused() -> None:
    fill("lib/a.py", "lib/locked/b.py")
    with pytest.raises(Failure, match=r"the Python standard library cannot be read: .*Permission denied"):
        library_files(Path("lib"))


@pytest.mark.usefixtures("locked")
def test_folders_that_are_not_entered_need_no_permission() -> None:
    fill("d/a.txt", "d/.git/locked/b.txt", "d/locked/b.txt", "d/x.txt/")
    assert read("d/*.txt") == (["d/a.txt"], {("not entered by the pattern", "x.txt")})


@pytest.mark.parametrize("path", ["d", "d/*.txt"])
def test_a_file_that_cannot_be_opened_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    fill("d/a.txt", "d/b.txt")

    def open_file(file: Path, mode: str) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))

    monkeypatch.setattr(Path, "open", open_file)
    assert refusal(path) == "d/a.txt: Permission denied"


def test_what_a_pattern_names_beside_files_is_left_out_by_name(here: Path) -> None:
    fill("d/a.txt", "d/b.txt/inner.txt", "d/c.pdf", "d/d.TXT")
    os.mkfifo("d/e.txt")
    assert read("d/*") == (
        ["d/a.txt"],
        {
            ("not entered by the pattern", "b.txt"),
            ("of another format", "c.pdf"),
            ("of another format", "d.TXT"),
            ("no regular file", "e.txt"),
        },
    )


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("d/*/x.txt", ["d/a/x.txt", "d/b/x.txt"]),
        ("d/[!a]/*", ["d/b/x.txt", "d/b/y.txt"]),
        ("d/**/b/*.txt", ["d/a/b/z.txt", "d/b/x.txt", "d/b/y.txt"]),
        ("d/?/**", ["d/a/b/z.txt", "d/a/x.txt", "d/b/x.txt", "d/b/y.txt"]),
        ("**/y.txt", ["d/b/y.txt"]),
        ("d[1].txt", ["d[1].txt"]),  # a name, where such a file exists
    ],
)
def test_patterns_name_what_a_shell_would_name(here: Path, path: str, texts: list[str]) -> None:
    fill("d/a/x.txt", "d/a/b/z.txt", "d/b/x.txt", "d/b/y.txt", "d[1].txt", "d1.txt")
    assert read(path)[0] == texts


PARTS = ["*", "**", "?", "a*", "[!a]*", "a", "b", "ab", "*.txt"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of folders with files, none of them linked or hidden."""
    folder = tmp_path_factory.mktemp("tree")
    for inner in ("", "a", "b", "ab", "a/a", "a/b", "b/ab", "a/b/a"):
        (folder / inner).mkdir(exist_ok=True)
        for name in ("a.txt", "b.txt", "c"):
            (folder / inner / name).write_text("")
    return folder


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=4))
def test_patterns_find_what_pathlib_finds(tree: Path, parts: list[str]) -> None:
    parts = [*parts, "*.txt"]
    found = list_files(tree.joinpath(*parts))
    expected = {path for path in tree.glob("/".join(parts)) if path.is_file()}
    assert {file.path for file in found.files if file.path.suffix == ".txt"} == expected if found else not expected


@pytest.mark.parametrize("path", ["pipe.txt", "link.txt", "/dev/null"])
def test_a_pipe_or_a_device_is_refused_before_it_is_opened(here: Path, path: str) -> None:
    os.mkfifo("pipe.txt")
    link("link.txt", "pipe.txt")
    assert refusal(path) == f"'{path}' can't be read: it is no regular file; save its text in one"


def test_a_path_that_names_nothing_to_read_says_what_it_found(here: Path) -> None:
    fill("d/a.pdf", "d/b.pdf", "d/c.pdf", "d/d.pdf", "d/.e/")
    assert refusal("d") == (
        "'d' names no .txt, .md, .jsonl, .json, .csv, .tsv, .parquet or .arrow file: left out are 1 hidden (.e), "
        "4 of another format (a.pdf, b.pdf, c.pdf, …)"
    )
    assert refusal("d/../e/*/x.txt") == "'d/../e/*/x.txt' does not exist"
    assert refusal("d/{a,b}.txt") == (
        "'d/{a,b}.txt' does not exist; braces stand for themselves: write a source for each, or * ? [ ]"
    )
    assert refusal("d/*/../x.txt") == "'d/*/../x.txt' can't be read: '..' stands before the first of * ? ["


def test_a_name_that_is_no_text_is_read_and_shown(here: Path) -> None:
    Path(os.fsdecode(b"caf\xe9.txt")).write_bytes(b"\xe9")
    assert refusal(".") == "caf\\udce9.txt:1: byte 0xe9 is not UTF-8; convert the file"
    assert len(open_files("notes", Source(path=".")).stamp()) == 64
