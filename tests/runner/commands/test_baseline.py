"""A baseline of findings: what is known is left out, what is new or an error is not, wherever its line has moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runner.commands.spec_folder import BROKEN, INFO, WARNING, fill, validate

KNOWN = ("--baseline", "known.json")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of each kind and a baseline of two of them."""
    fill(tmp_path, monkeypatch)
    done = validate("warning.yaml", "info.yaml", *KNOWN, "--write-baseline")
    assert (done.exit_code, done.stdout) == (0, "no findings in 2 files\n")
    assert done.stderr == "lorarun: wrote known.json with 2 findings of 2 files\n"
    return tmp_path


def new(*arguments: str) -> list[tuple[str, str]]:
    """File and code of each finding that a baseline does not know."""
    rows = json.loads(validate(*arguments, "--format", "json").stdout)["findings"]
    return [(row["file"], row["code"]) for row in rows]


def test_a_baseline_names_each_finding_with_its_rule(here: Path) -> None:
    written = json.loads((here / "known.json").read_text())
    assert written["version"] == 1
    assert {name: [*marks.values()] for name, marks in written["findings"].items()} == {
        "info.yaml": ["LR102 partial-batch-stage"],
        "warning.yaml": ["LR802 style-case"],
    }


@pytest.mark.parametrize("moved", ["# a note\n\n{}", "{}\n\nx-note: 1\n"], ids=["lines above", "lines below"])
def test_a_known_finding_stays_known_when_its_line_moves(here: Path, moved: str) -> None:
    (here / "warning.yaml").write_text(moved.format(WARNING))
    assert new("warning.yaml", *KNOWN) == []
    said = validate("warning.yaml", *KNOWN).stderr
    assert said == "lorarun: 1 finding is left out, as known.json knows it\n"
    assert new("warning.yaml") == [("warning.yaml", "LR802")]


def test_a_new_finding_of_a_known_rule_is_reported(here: Path) -> None:
    (here / "warning.yaml").write_text(WARNING.replace("style: PADDED", "style: padded"))
    assert WARNING.count("style: PADDED") >= 1
    assert set(new("warning.yaml", *KNOWN)) == {("warning.yaml", "LR802")}
    (here / "copy.yaml").write_text(WARNING)
    assert ("copy.yaml", "LR802") in new("copy.yaml", *KNOWN)


def test_entries_that_match_nothing_any_more_are_counted_apart(here: Path) -> None:
    both = validate("warning.yaml", "info.yaml", *KNOWN).stderr
    assert both == "lorarun: 2 findings are left out, as known.json knows them\n"
    for name in ("warning", "info"):  # mended
        (here / f"{name}.yaml").write_text((here / "clean.yaml").read_text() + f"x-{name}: 1\n")
    gone = "of known.json match nothing any more; --write-baseline leaves them out\n"
    assert validate("warning.yaml", "info.yaml", *KNOWN).stderr == f"lorarun: 2 entries {gone}"
    one = f"lorarun: 1 entry {gone.replace('match ', 'matches ').replace('them', 'it')}"
    assert validate("warning.yaml", *KNOWN).stderr == one
    assert validate("warning.yaml", *KNOWN, "--select", "LR5").stderr == ""  # nobody looked
    (here / "warning.yaml").write_text(BROKEN)
    assert validate("warning.yaml", *KNOWN).stderr == ""  # nor behind an error
    written = json.loads((here / "known.json").read_text())
    written["findings"]["clean.yaml"] = {"0" * 16: "LR227 data-refused"}  # which this call does not look for
    (here / "known.json").write_text(json.dumps(written))
    assert validate("clean.yaml", *KNOWN).stderr == ""


def test_an_error_is_in_no_baseline(here: Path) -> None:
    (here / "broken.yaml").write_text(BROKEN)
    done = validate("broken.yaml", *KNOWN, "--write-baseline")
    assert done.exit_code == 1
    assert "LR003" in done.stdout
    assert "with 0 findings of 1 file" in done.stderr


def test_a_baseline_is_written_again_for_the_specs_that_are_named(here: Path) -> None:
    (here / "warning.yaml").write_text(INFO)
    assert validate("warning.yaml", *KNOWN, "--write-baseline").exit_code == 0
    written = json.loads((here / "known.json").read_text())["findings"]
    assert {name: [*marks.values()] for name, marks in written.items()} == {
        "info.yaml": ["LR102 partial-batch-stage"],
        "warning.yaml": ["LR102 partial-batch-stage"],
    }


def test_a_project_names_its_baseline_and_files_are_named_from_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "pyproject.toml").write_text('[tool.lorarun]\nbaseline = "known.json"\n')
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert new("../warning.yaml", "../info.yaml") == []
    assert new("../warning.yaml", "--baseline", str(here / "known.json"), "--select", "LR802") == []


def test_rules_are_ignored_in_some_files(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.lorarun]\nper-file-ignores = {"warn*" = ["style-case"]}\n')
    assert new("warning.yaml", "info.yaml") == [("info.yaml", "LR102")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "there is no baseline other.json; --write-baseline makes it"),
        ("{", "can't read the baseline other.json: "),
        ("[]", "other.json is no baseline of lorarun; name another file, or remove it"),
        ('{"version": 2, "findings": {}}', "other.json is a baseline of another version; --write-baseline makes it"),
    ],
)
def test_a_baseline_that_is_none_is_refused(here: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (here / "other.json").write_text(text)
    done = validate("warning.yaml", "--baseline", "other.json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lorarun: {sentence}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--write-baseline"], "--write-baseline needs a file; name it with --baseline FILE, or in pyproject.toml"),
        (["--write-baseline", *KNOWN, "--fix"], "--write-baseline takes the findings as they are"),
        (["--write-baseline", *KNOWN, "--select", "LR5"], "--write-baseline takes all findings"),
    ],
)
def test_a_baseline_that_cannot_be_written_so_is_wrong_usage(arguments: list[str], sentence: str) -> None:
    done = validate("warning.yaml", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_a_file_that_is_no_baseline_is_never_written_over(here: Path) -> None:
    (here / "package.json").write_text('{"name": "mine"}')
    done = validate("warning.yaml", "--baseline", "package.json", "--write-baseline")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "lorarun: package.json is no baseline of lorarun; name another file, or remove it\n"
    assert (here / "package.json").read_text() == '{"name": "mine"}'
