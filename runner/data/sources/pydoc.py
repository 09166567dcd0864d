"""pydoc: signature → docstring, one example for each documented function of the standard library.

The same text as `pystdlib`, read as syntax trees: nothing is imported or executed. Classes and modules are left
out, and so are docstrings too short to teach or too long to fit.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runner.data.sources._source import Document, Skipped, fingerprint_files, stamp_files
from runner.data.sources.pystdlib import identify_library, read_module
from runner.data.sources.pystdlib import open_source as open_library

READING = {"prompt": "signature", "completion": "docstring"}
LEAST_CHARACTERS = 16
MOST_CHARACTERS = 1000
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class PyDoc:
    """Satisfies `runner.data.sources.DataSource`; units are files."""

    files: tuple[tuple[str, Path], ...]
    name: str = "pydoc"

    @property
    def total(self) -> int:
        """Number of files."""
        return len(self.files)

    def fingerprints(self) -> tuple[str, ...]:
        """Digest all files. Raises Failure (INVALID) when one cannot be read."""
        return (identify_library(fingerprint_files, self.files, *self._recipe()),)

    def stamp(self) -> str:
        """Digest places, sizes and times of all files. Raises Failure (INVALID) when one cannot be found."""
        return identify_library(stamp_files, self.files, *self._recipe())

    def _recipe(self) -> tuple[str, ...]:
        return self.name, "1", str(LEAST_CHARACTERS), str(MOST_CHARACTERS)

    @property
    def has_records(self) -> bool:
        """There are none."""
        return False

    def reading(self, first: tuple[str, ...]) -> dict[str, str]:
        """Return what an example is made of."""
        del first  # there are no records
        return READING

    def documents(self, start: int = 0) -> Iterator[Document | Skipped]:
        """Read the examples of all files, in order; files that are no UTF-8 or no Python are skipped.

        The first `start` entries are read and left out.
        """
        return islice(self._entries(), start, None)

    def _entries(self) -> Iterator[Document | Skipped]:
        for done, (name, path) in enumerate(self.files, start=1):
            text = read_module(path)
            tree = None if text is None else _parse(text)
            if tree is None:
                yield Skipped("not UTF-8" if text is None else "not Python", name, done)
                continue
            for prompt, completion, line in examples(tree):
                yield Document(prompt, completion, f"{name}:{line}", done)


def open_source() -> PyDoc:
    """List the library of the running interpreter."""
    return PyDoc(open_library().files)


def examples(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Yield (prompt, completion, line) of each documented function of a module, methods within their class."""
    todo: list[tuple[ast.AST, str]] = [(tree, "")]
    while todo:
        node, owner = todo.pop()
        if isinstance(node, Function):
            completion = (ast.get_docstring(node) or "").strip()
            if LEAST_CHARACTERS <= len(completion) <= MOST_CHARACTERS:
                yield _prompt(node, owner), completion, node.lineno
        elif isinstance(node, ast.ClassDef):
            owner = f"{owner}.{node.name}".lstrip(".")
        if isinstance(node, ast.expr):
            continue  # a lambda has no docstring
        inside = "" if isinstance(node, Function) else owner
        # a stack gives them back in reverse
        todo += [(child, inside) for child in reversed(list(ast.iter_child_nodes(node)))]


def _prompt(node: Function, owner: str) -> str:
    """Write a function's head as it stands in source text, within its class, up to the opening quotes."""
    keyword = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    head = f"{keyword} {node.name}({ast.unparse(node.args)}){returns}:"
    if not owner:
        return f'{head}\n    """'
    return f'class {owner}:\n    {head}\n        """'


def _parse(text: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SyntaxWarnings about the library's own text are not the user's
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return None
