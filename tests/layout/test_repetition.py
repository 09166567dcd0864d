"""No two places of the packages share ten lines of code: what stands twice drifts apart."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = 10


def code_of(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that are code, stripped, with their numbers: no docstrings, comments, imports or blanks."""
    text = path.read_text(encoding="utf-8")
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if documents or isinstance(node, ast.Import | ast.ImportFrom):
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    numbered = enumerate(map(str.strip, text.splitlines()), start=1)
    return [(number, line) for number, line in numbered if number not in left_out and line and not line.startswith("#")]


def test_no_two_places_share_ten_lines() -> None:
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for folder in ("schema", "runner"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            lines = code_of(path)
            for start in range(len(lines) - LINES + 1):
                window = tuple(line for _, line in lines[start : start + LINES])
                places[window].append(f"{path.relative_to(ROOT)}:{lines[start][0]}")
    assert [found for found in places.values() if len(found) > 1] == []
