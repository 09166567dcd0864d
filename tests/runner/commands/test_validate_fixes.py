"""`lorarun validate --fix`, `--unsafe-fixes` and `--diff`: what is written, where, and what stays as it was."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.runner.commands.spec_folder import CLEAN, ERROR, UNKNOWN, WARNING, fill, validate
from tests.schema.goldens import SPECS


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of each kind."""
    return fill(tmp_path, monkeypatch)


def test_fix_writes_the_safe_fixes_and_reports_what_is_left(here: Path) -> None:
    (here / "s.yaml").write_text(ERROR.replace("validation_steps", "validation_step"))
    result = validate("s.yaml", "warning.yaml", "--fix")
    assert (here / "s.yaml").read_text() == UNKNOWN
    assert (here / "warning.yaml").read_text() == CLEAN
    assert result.stderr.splitlines() == [
        "lorarun: s.yaml: fixed LR005 number-as-text",
        "lorarun: warning.yaml: fixed LR802 style-case",
    ]
    assert result.stdout.splitlines()[-1] == "1 error in 2 files; fixable: 1 by validate --unsafe-fixes"
    assert result.exit_code == 1
    assert validate("s.yaml", "--unsafe-fixes").exit_code == 0
    assert (here / "s.yaml").read_text() == CLEAN


@pytest.mark.parametrize(
    ("old", "new", "option"),
    [
        ("n_layers: 4", "n_layers:\u00a04", "--fix"),
        ("training:\n", "training\n", "--fix"),
        ("  n_layers", "\tn_layers", "--unsafe-fixes"),
    ],
)
def test_a_text_that_is_no_yaml_is_mended_in_its_file(here: Path, old: str, new: str, option: str) -> None:
    text = CLEAN.replace(old, new, 1)
    (here / "s.yaml").write_text(text, encoding="utf-8")
    assert f"fixable: 1 by validate {option}" in validate("s.yaml").stdout
    safe = validate("s.yaml", "--fix")
    assert (safe.exit_code == 0) == (option == "--fix")
    assert validate("s.yaml", option).exit_code == 0
    assert (here / "s.yaml").read_text(encoding="utf-8") == CLEAN


def test_fixes_leave_a_clean_file_alone(here: Path) -> None:
    before = (here / "clean.yaml").stat()
    result = validate("clean.yaml", "--fix")
    after = (here / "clean.yaml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "no findings in 1 file\n", "")


def test_a_fixed_file_keeps_its_mark_line_ends_mode_and_link(here: Path) -> None:
    path = here / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + ERROR.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    (here / "link.yaml").symlink_to("windows.yaml")
    assert validate("link.yaml", "--fix").exit_code == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + CLEAN.replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (here / "link.yaml").is_symlink()
    assert sorted(entry.name for entry in here.iterdir() if entry.name.startswith(".")) == []


def test_a_file_that_cannot_be_written_stays_as_it_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    result = validate("error.yaml", "--fix")
    assert (result.exit_code, result.stderr) == (74, "lorarun: can't write error.yaml: No space left on device\n")
    assert (here / "error.yaml").read_text() == ERROR
    assert not [entry for entry in here.iterdir() if entry.name.startswith(".")]


def test_a_rule_that_is_ignored_is_not_fixed(here: Path) -> None:
    assert validate("warning.yaml", "--fix", "--ignore", "LR802").exit_code == 0
    assert (here / "warning.yaml").read_text() == WARNING


def test_fixed_standard_input_is_written_to_standard_output() -> None:
    result = validate("-", "--fix", stdin=ERROR)
    assert (result.exit_code, result.stdout) == (0, CLEAN)
    assert result.stderr == "lorarun: <stdin>: fixed LR005 number-as-text\nno findings in 1 file\n"


@pytest.mark.parametrize(
    "data",
    [b"training: [\n", b"\xff\n", b"", CLEAN.encode(), b"x-n: " + b"n" * (3 << 20), b"\xef\xbb\xbfmesh: {}\r\n"],
    ids=["no YAML", "no UTF-8", "empty", "clean", "too large", "mark"],
)
def test_standard_input_that_has_no_fix_comes_back_as_it_was(data: bytes) -> None:
    result = validate("-", "--fix", stdin=data)
    assert result.stdout_bytes == data
    assert "Traceback" not in result.stderr


def test_diff_shows_the_fixes_and_writes_nothing(here: Path) -> None:
    result = validate("error.yaml", "clean.yaml", "--diff")
    assert result.exit_code == 1
    assert result.stderr == "lorarun: 1 finding in 1 file would be fixed\n"
    assert (here / "error.yaml").read_text() == ERROR
    patched = subprocess.run(["git", "apply", "-p0"], cwd=here, input=result.stdout, text=True, check=False)
    assert patched.returncode == 0
    assert (here / "error.yaml").read_text() == CLEAN
    assert validate("error.yaml", "--diff").exit_code == 0


def test_a_diff_of_strange_line_ends_can_be_applied(here: Path) -> None:
    texts = {"crlf": ERROR.replace("\n", "\r\n"), "open end": ERROR.rstrip("\n"), "mark": "\ufeff" + ERROR}
    for name, text in texts.items():
        (here / "s.yaml").write_bytes(text.encode())
        diff = validate("s.yaml", "--diff").stdout_bytes
        subprocess.run(["git", "apply", "-p0"], cwd=here, input=diff, check=True)
        wanted = text.replace('"4"', "4").encode()
        assert (here / "s.yaml").read_bytes() == wanted, name


def test_diff_shows_unsafe_fixes_when_asked(here: Path) -> None:
    (here / "s.yaml").write_text(UNKNOWN)
    assert validate("s.yaml", "--diff").stdout == ""
    result = validate("s.yaml", "--diff", "--unsafe-fixes", "--fix")
    assert "+  validation_steps: 8" in result.stdout
    assert (here / "s.yaml").read_text() == UNKNOWN


def test_nothing_in_a_coloured_diff_acts_on_the_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "s.yaml").write_bytes(ERROR.replace("n_embd", "# \u202e\u2028\n  n_embd").encode())
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = validate("s.yaml", "--diff").stdout
    assert "\x1b[32m+" in shown
    assert re.sub(r"\x1b\[\d*m", "", shown).replace("\n", "").isprintable()


def test_a_spec_with_every_safe_fix_is_mended_in_one_run_and_only_there(here: Path) -> None:
    before, after = (
        (SPECS / name).read_text(encoding="utf-8") for name in ("every_safe_fix.yaml", "every_safe_fix.fixed")
    )
    (here / "s.yaml").write_text(before, encoding="utf-8")
    shown = validate("s.yaml", "--diff")
    first = validate("s.yaml", "--fix")
    assert (first.exit_code, first.stdout) == (0, "no findings in 1 file\n")
    assert (here / "s.yaml").read_text(encoding="utf-8") == after
    cases = [path for path in (SPECS / "fix").glob("*/*.yaml") if not path.name.startswith("unsafe_")]
    assert {path.parent.name for path in cases} <= set(re.findall(r"LR\d{3} ([a-z-]+)", first.stderr))

    removed = [line for line in shown.stdout.splitlines() if re.match(r"-(?!--)", line)]
    assert len(removed) == int(re.findall(r"(\d+) findings in 1 file would be fixed", shown.stderr)[0])  # a line a fix
    assert [comment for comment in re.findall(r"#.*", before) if comment not in after] == [
        "# lorarun: ignore[style-case]",
        "# a part",
    ]

    second = validate("s.yaml", "--fix")
    assert (second.exit_code, second.stdout, second.stderr) == (0, "no findings in 1 file\n", "")
    assert validate("s.yaml", "--diff").stdout == ""


def test_credentials_are_in_no_diff_and_lines_that_hold_one_are_not_fixed(here: Path) -> None:
    tokens = [f"hf_{letters}{'0123456789abcdefghijklmnopqrst'}" for letters in ("Abc", "Xyz")]
    lines = "".join(f"x-token: {token}\n" for token in tokens)
    (here / "s.yaml").write_text(ERROR + lines)
    diff = validate("s.yaml", "--diff", "--unsafe-fixes")
    assert "-  n_layers" in diff.stdout
    assert not any(token[3:] in diff.output for token in tokens)
    validate("s.yaml", "--unsafe-fixes")
    assert (here / "s.yaml").read_text() == CLEAN + lines
