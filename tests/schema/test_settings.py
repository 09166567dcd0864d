"""Settings: what `[tool.lorarun]` may say, what it changes, and one sentence for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.lint import lint_text, load_spec
from schema.settings import Settings, SettingsError, read_settings, settings
from schema.text.diagnostic import Severity, SpecError

# A warning (style-case, LR802) and an info (partial-batch-stage, LR102).
TEXT = """\
tokenizer: {backend: byte}
training:
  pre_lora_tokens: [262_144_001]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: pmd}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
optimization: {lora: {rank: 16}}
"""


def heard(wanted: Settings, text: str = TEXT) -> list[str]:
    found = lint_text(text, "s.yaml", settings=wanted).diagnostics
    return [f"{each.severity.value} {each.code}" for each in found]


def written(folder: Path, toml: str) -> Path:
    """A spec below a folder with this pyproject.toml."""
    (folder / "pyproject.toml").write_text(toml, encoding="utf-8")
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "specs" / "s.yaml").write_text(TEXT, encoding="utf-8")
    return folder / "specs" / "s.yaml"


def test_without_settings_everything_is_heard() -> None:
    assert heard(Settings()) == ["info LR102", "warning LR802"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Settings(select=("LR1",)), ["info LR102"]),
        (Settings(select=("style-case", "LR102")), ["info LR102", "warning LR802"]),
        (Settings(ignore=("LR102",)), ["warning LR802"]),
        (Settings(ignore=("LR",)), []),
        (Settings(select=("LR8",), ignore=("style-case",)), []),
        (Settings(severity={"LR102": Severity.WARNING}), ["warning LR102", "warning LR802"]),
        (Settings(severity={"LR802": None}), ["info LR102"]),
        (Settings(severity={"style-case": Severity.ERROR, "LR8": None, "LR1": None}), ["error LR802"]),
        (Settings(severity={"LR8": None, "LR80": Severity.INFO}), ["info LR102", "info LR802"]),
    ],
)
def test_warnings_and_infos_are_selected_ignored_and_weighed(wanted: Settings, left: list[str]) -> None:
    assert heard(wanted) == left


def test_an_error_always_speaks() -> None:
    quiet = Settings(select=("LR102",), ignore=("LR",), severity={"LR0": None})
    assert heard(quiet, TEXT.replace("training:", "training:\n  batch_size: 0")) == ["error LR011"]


def test_a_rule_that_was_skipped_is_named_whatever_is_selected() -> None:
    assert {"info LR901"} == set(heard(Settings(select=("LR802",), show_skipped=True), "{}"))


def test_the_nearest_table_above_the_spec_counts(tmp_path: Path) -> None:
    spec = written(tmp_path, '[tool.lorarun]\nignore = ["LR102"]\nfail-on = "warning"\n')
    assert read_settings(spec) == Settings(ignore=("LR102",), fail_on=Severity.WARNING)
    (tmp_path / "specs" / "pyproject.toml").write_text("[tool.other]\n")
    assert read_settings(spec).ignore == ("LR102",)
    (tmp_path / "specs" / "pyproject.toml").write_text('[tool.lorarun]\nseverity = {LR8 = "off", LR102 = "error"}\n')
    assert read_settings(spec) == Settings(severity={"LR8": None, "LR102": Severity.ERROR})


def test_settings_are_found_from_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = written(tmp_path, '[tool.lorarun]\nselect = ["LR102"]\n')
    monkeypatch.chdir(spec.parent)
    assert read_settings(Path("s.yaml")).select == ("LR102",)


def test_a_warning_that_is_raised_to_an_error_stops_every_command(tmp_path: Path) -> None:
    spec = written(tmp_path, '[tool.lorarun]\nseverity = {style-case = "error"}\n')
    with pytest.raises(SpecError, match="pmd"):
        load_spec(spec, settings=read_settings(spec))


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[tool.lorarun]\nselekt = []", "unknown setting 'selekt'; write select"),
        ("[tool.lorarun]\nquiet = true", "unknown setting 'quiet'; write select, ignore, severity, fail-on,"),
        ('[tool.lorarun]\nselect = "LR1"', "select must be a list of codes and slugs, not 'LR1'"),
        ("[tool.lorarun]\nseverity = []", "severity must be a table of severities, not '[]'"),
        ("[tool.lorarun]\nfail-on = 1", "fail-on must be error, warning or info, not '1'"),
        ('[tool.lorarun]\nfail-on = "off"', "fail-on can't be off; write error, warning or info"),
        ('[tool.lorarun]\nfail-on = "all"', "'all' is no severity; write error, warning, info or off"),
        ('[tool.lorarun]\nignore = ["stile-case"]', "no rule is called 'stile-case'; write style-case"),
        ("[tool.lorarun]\nignore = [102]", "no rule is called '102'; `lorarun rules` lists them"),
        ('[tool.lorarun]\nignore = ["zzzzzzzzzzz"]', "no rule is called 'zzzzzzzzzzz'; `lorarun rules` lists them"),
        ('[tool.lorarun]\nseverity = {LR802 = "loud"}', "'loud' is no severity"),
        ('[tool.lorarun]\nignore = ["LR001"]', "LR001 reports errors, which can't be ignored or lowered"),
        ('[tool.lorarun]\nseverity = {unknown-key = "info"}', "unknown-key reports errors"),
        ("[tool.lorarun]\nper-file-ignores = []", "per-file-ignores must be a table of patterns, each with a list of"),
        (
            '[tool.lorarun.per-file-ignores]\n"a.yaml" = "LR1"',
            "'a.yaml' must have a list of codes and slugs",
        ),
        ('[tool.lorarun.per-file-ignores]\n"a.yaml" = ["LR001"]', "LR001 reports errors, which can't be ignored"),
        ("[tool.lorarun]\nbaseline = 1", "baseline must be the name of a file, not '1'"),
        ("tool = {lorarun = 1}", "tool.lorarun must be a table"),
        ("[tool.lorarun", "can't read "),
    ],
)
def test_a_setting_that_means_nothing_is_one_sentence_with_its_place(tmp_path: Path, toml: str, sentence: str) -> None:
    spec = written(tmp_path, toml)
    with pytest.raises(SettingsError) as caught:
        read_settings(spec)
    assert sentence in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("specs/s.yaml", True),
        ("s.yaml", True),
        ("specs/*", True),
        ("**/s.yaml", True),
        ("specs/**/*.yaml", True),
        ("*.yml", False),
        ("other/*", False),
    ],
)
def test_what_is_ignored_in_some_files_is_heard_in_the_others(tmp_path: Path, pattern: str, matches: bool) -> None:
    spec = written(tmp_path, f'[tool.lorarun]\nignore = ["LR5"]\nper-file-ignores = {{"{pattern}" = ["LR802"]}}\n')
    assert read_settings(spec).ignore == (("LR5", "LR802") if matches else ("LR5",))
    assert read_settings(tmp_path / "else.txt").ignore == ("LR5",)


def test_the_baseline_is_named_as_seen_from_its_settings(tmp_path: Path) -> None:
    spec = written(tmp_path, '[tool.lorarun]\nbaseline = "known.json"\n')
    assert read_settings(spec).baseline == tmp_path / "known.json"


@pytest.mark.parametrize("toml", ["", "tool = 3", "[project]\nname = 'x'", "[tool.lorarun]"])
def test_a_file_without_settings_changes_nothing(tmp_path: Path, toml: str) -> None:
    assert read_settings(written(tmp_path, toml)) == Settings()


def test_an_error_may_be_named_beside_warnings_by_the_start_of_its_code() -> None:
    assert settings({"ignore": ["LR1"], "select": ["LR", "LR001"]}, "here") == Settings(("LR", "LR001"), ("LR1",))


@pytest.mark.parametrize(
    "text",
    [
        '[tool.lorarun]\nfail-on = "info"',
        '[tool]\nlorarun = {fail-on = "info"}',
        'tool.lorarun.fail-on = "info"',
        '[ tool . "lorarun" ]\nfail-on = "info"',
        'tool = {lorarun = {fail-on = "info"}}',
        '["tool".lorarun]\nfail-on = "info"',
        '[project]\nname = "lorarun"\n\n[tool.ruff]\n\n[tool.lorarun]\nfail-on = "info"',
    ],
)
def test_the_table_is_found_however_toml_writes_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert read_settings(tmp_path / "spec.yaml").fail_on is Severity.INFO
