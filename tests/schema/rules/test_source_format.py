"""LR224 reads how the path of a source ends, and says nothing of what may be a folder, or has been found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.environment import survey
from schema.lint import lint_text
from tests.schema.goldens import environment_of

SPEC = """
data: {{sources: {{web: {{path: {path}}}}}}}
training: {{tokens: 1B, dataset: [{{name: {name}, rate: 1.0, style: PMD}}]}}
"""


def errors(path: str, name: str = "web", **facts: Any) -> list[str]:
    environment = environment_of(facts) if facts else None
    found = lint_text(SPEC.format(path=path, name=name), environment=environment).diagnostics
    return [each.code for each in found if each.severity.value == "error"]


@pytest.mark.parametrize(
    "path",
    [
        "web",
        "web.xls/",
        "v1.5",
        "data/2026.11",
        "..",
        "web/",
        "a.txt",
        "a.xls.txt",
        "a.csv",
        "a.json.zst",
        "'*.jsonl'",
        "c",
        "C.d/e",
    ],
)
def test_what_may_be_a_folder_or_is_read_is_no_finding(path: str) -> None:
    assert errors(path) == []


@pytest.mark.parametrize("path", ["web.xls", "web/a.jsonl.xz", "https://a.org/a.pdf", "'**/*.yaml'", "web.MD", "r.zip"])
def test_what_nothing_reads_is_an_error_where_a_mixture_names_it(path: str) -> None:
    assert errors(path) == ["LR224"]
    assert errors(path, name="pystdlib") == []


def test_a_folder_of_that_name_is_no_finding_once_it_was_found() -> None:
    assert errors("web.xls", datasets={"web": {"source": True}}) == []


def test_the_machine_says_it_no_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web.xls").write_text("a,b")
    for path in ("web.xls", "gone.xls", "s3://web/a.xls", "ftp://web/a.txt"):
        found = lint_text(SPEC.format(path=path, name="web"), environment=survey()).diagnostics
        assert [each.code for each in found if each.severity.value == "error"] == ["LR224"]
    Path("web.xls").unlink()
    Path("web.xls").mkdir()
    Path("web.xls/a.txt").write_text("text")
    found = lint_text(SPEC.format(path="web.xls", name="web"), environment=survey()).diagnostics
    assert [each.code for each in found if each.severity.value == "error"] == []
