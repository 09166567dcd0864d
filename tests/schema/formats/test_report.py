"""How findings look: carets under what they mean, nothing that acts on a terminal, stable JSON."""

from __future__ import annotations

import json
import re

from schema.formats import render_json, render_text
from schema.lint import lint_text
from schema.text.diagnostic import Diagnostic, Origin, Related, Severity, Span
from schema.text.fingerprint import fingerprints


def finding(line: str, column: int, end_column: int, end_line: int = 1) -> Diagnostic:
    span = Span(Origin("s.yaml", tuple(line.split("\n"))), 1, column, end_line, end_column)
    return Diagnostic("LR000", "slug", Severity.ERROR, span, "wrong", "right")


def snippet(found: Diagnostic) -> list[str]:
    return render_text([found]).splitlines()[1:3]


def test_the_caret_stands_under_the_value() -> None:
    assert snippet(finding("key: value", 6, 11)) == ["1 | key: value", "  |      ^^^^^"]


def test_the_caret_counts_the_columns_of_wide_and_combining_characters() -> None:
    assert snippet(finding("模: 型号", 4, 6)) == ["1 | 模: 型号", "  |     ^^^^"]
    assert snippet(finding("e\u0301: x", 5, 6))[1] == "  |    ^"


def test_tabs_before_the_caret_stay_tabs() -> None:
    assert snippet(finding("\ta: 1", 5, 6))[1] == "  | \t   ^"


def test_a_long_line_is_cut_around_the_place() -> None:
    source, carets = snippet(finding("a" * 5_000 + "X" + "b" * 5_000, 5_001, 5_002))
    assert len(source) < 200
    assert source[carets.index("^")] == "X"
    assert source.startswith("1 | …")
    assert source.endswith("…")


def test_of_several_lines_the_first_is_marked_to_its_end() -> None:
    assert snippet(finding("a: [1,\n 2]", 4, 4, end_line=2)) == ["1 | a: [1,", "  |    ^^^"]


def test_a_place_beyond_the_text_has_no_snippet() -> None:
    assert render_text([finding("", 1, 2)]).splitlines()[1] == "  = help: right"


def test_nothing_that_a_file_holds_acts_on_the_terminal() -> None:
    text = render_text(lint_text("trai\x1b[31mning: 1", "s\x1b[0m.yaml", ["a\x1b[2J=1"]).diagnostics)
    assert "\x1b" not in text
    assert "\x1b" not in render_text(lint_text('"a\\e[2Jb": 1', "s").diagnostics)


def test_colour_changes_nothing_but_colour() -> None:
    found = lint_text("training: {batch_size: x, batch_size: 2}", "s").diagnostics
    coloured = render_text(found, colour=True)
    assert coloured != render_text(found)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(found)


def test_the_summary_counts_by_severity() -> None:
    assert render_text([], files=2) == "no findings in 2 files\n"
    errors = [finding("a", 1, 2)] * 2
    others = [errors[0]._replace(severity=severity) for severity in (Severity.INFO, Severity.WARNING)]
    assert render_text(errors).endswith("\n2 errors in 1 file\n")
    assert render_text([*others, *errors]).endswith("\n2 errors, 1 warning, 1 info in 1 file\n")


def test_json_has_a_stable_list_of_objects() -> None:
    first = finding("a: 1", 1, 2)
    related = Diagnostic(*("LR000", "slug", Severity.INFO, first.span, "ü", "y"), (Related(first.span, "there"),))
    rows = json.loads(render_json([first, related]))["findings"]
    place = {"file": "s.yaml", "line": 1, "column": 1, "end_line": 1, "end_column": 2}
    common = {**place, "code": "LR000", "slug": "slug"}
    assert [row.pop("fingerprint") for row in rows] == fingerprints([first, related])
    assert rows == [
        {**common, "severity": "error", "message": "wrong", "remedy": "right", "related": [], "fix": None},
        {
            **common,
            **{"severity": "info", "message": "ü", "remedy": "y", "fix": None},
            "related": [{**place, "message": "there"}],
        },
    ]
    assert json.loads(render_json([])) == {"version": 1, "files": 1, "findings": [], "errors": []}
