"""The shape of the tree: names at the top, sizes of files, functions and classes, docstrings."""

from __future__ import annotations

import ast
import fnmatch
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {"LICENSE", "README.md", "pyproject.toml", "runner", "schema", "specs", "tests", "tools"}
LIMITS = {"file": 300, "function": 60, "class": 150, "folder": 24}
# What may be longer than its limit: "path" or "path:name" → why.
EXCEPTIONS: dict[str, str] = {"schema/rules/__init__.py": "one table of all rules, a line a rule"}
LONG_FOLDERS = {"schema/rules"}  # one file a rule
VAGUE = ("utils.py", "util.py", "common.py", "helpers.py", "helper.py", "misc.py")


def top_level_names() -> set[str]:
    """Names that git tracks at the top; without git, those that `.gitignore` does not name."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and (ROOT / ".git").exists() and listed.stdout:
        return {line.strip('"').split("/", 1)[0] for line in listed.stdout.splitlines()}
    ignored = [line.strip().strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()]
    names = (path.name for path in ROOT.iterdir())
    return {name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored if pattern)}


def python_files(*folders: str) -> list[Path]:
    """Python files of these folders, scripts without extension among them."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and (path.suffix == ".py" or (not path.suffix and _is_script(path))):
                found.append(path)
    return found


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return b"python" in file.readline() and path.read_bytes().startswith(b"#!")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def sizes(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield (kind, name, lines) of the file and of everything defined in it; docstrings count."""
    text = path.read_text(encoding="utf-8")
    yield "file", name_of(path), len(text.splitlines())
    for node in definitions(ast.parse(text)):
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        yield kind, f"{name_of(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


ALL = python_files("schema", "runner", "tests", "tools")
PACKAGES = python_files("schema", "runner")


def test_the_top_level_holds_only_the_agreed_names() -> None:
    assert {name for name in top_level_names() if not name.startswith(".")} - TOP_LEVEL == set()


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_files_functions_and_classes_keep_to_their_size(path: Path) -> None:
    too_long = [
        f"{name}: a {kind} of {lines} lines, at most {LIMITS[kind]}"
        for kind, name, lines in sizes(path)
        if lines > LIMITS[kind] and name not in EXCEPTIONS
    ]
    assert too_long == []


def test_every_size_exception_is_still_needed() -> None:
    needed = {name for path in ALL for kind, name, lines in sizes(path) if lines > LIMITS[kind]}
    assert set(EXCEPTIONS) - needed == set()


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGES}), ids=name_of)
def test_a_folder_is_small_enough_to_be_browsed(folder: Path) -> None:
    entries = [entry.name for entry in folder.iterdir() if entry.name != "__pycache__"]
    assert len(entries) <= LIMITS["folder"] or name_of(folder) in LONG_FOLDERS


def test_no_module_or_class_has_a_vague_name() -> None:
    vague = [name_of(path) for path in ALL if path.name in VAGUE]
    for path in ALL:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        vague += [f"{name_of(path)}:{node.name}" for node in definitions(tree) if node.name.endswith("Manager")]
    assert vague == []


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_every_public_function_and_class_has_a_docstring(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    public = [
        node
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [f"{name_of(path)}:{node.name}" for node in public if not ast.get_docstring(node)] == []
