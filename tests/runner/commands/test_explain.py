"""`lorarun explain`, `rules` and `schema`: what they print where, for people and for programs."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from runner.cli import main
from runner.commands.explain import LISTED
from schema.docs.keys import declared_keys, every_key
from schema.docs.rules import summary
from schema.document import SCHEMA_FILE, load_schema
from schema.rules import NEED_ENVIRONMENT, RULES

ROOT = Path(__file__).resolve().parents[3]
SPEC = ROOT / "specs" / "quickstart.yaml"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
KEYS = [place for key in every_key(declared_keys(load_schema())) for place in key.places]


def lorarun(*arguments: str, **env: str) -> Result:
    return CliRunner(env={"COLUMNS": "80", **env}).invoke(main, arguments)


def test_explain_has_something_to_say_of_every_rule_and_every_key() -> None:
    for name in (*(rule.CODE for rule in RULES), *(rule.SLUG for rule in RULES), *KEYS):
        result = lorarun("explain", name)
        assert (result.exit_code, result.stderr) == (0, ""), name
        assert result.stdout.startswith("# ")


def test_a_rule_is_printed_as_markdown_where_there_is_no_terminal() -> None:
    result = lorarun("explain", "LR201")
    assert result.stdout.startswith("# LR201 rates-not-one: error\n\nThe rates of a mixture do not add up to 1.\n\n")
    assert "**Bad**\n\n```yaml\ntraining:\n" in result.stdout
    assert not COLOUR.search(result.stdout)


def test_a_rule_is_drawn_on_a_terminal() -> None:
    drawn = lorarun("explain", "rates-not-one", FORCE_COLOR="1").stdout
    assert drawn.startswith("\x1b[1mLR201 rates-not-one: error\x1b[0m\n\nThe rates of a mixture do not add up to 1.\n")
    plain = COLOUR.sub("", drawn)
    assert "```" not in plain
    assert "**" not in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_a_key_is_printed_with_type_bounds_unit_default_and_place() -> None:
    assert lorarun("explain", "training/batch_size").stdout == (
        "# training/batch_size\n\nGlobal batch.\n\n"
        "- Takes: a whole number, at least 1\n- Unit: rows\n"
        "- A change between two calls of exec is breaking\n- Default: `512`\n"
        "\n```yaml\ntraining:\n  batch_size: 512\n```\n"
    )


def test_the_end_of_a_path_is_enough() -> None:
    assert lorarun("explain", "batch_size").stdout == lorarun("explain", "training/batch_size").stdout
    both = lorarun("explain", "lr").stdout
    assert "# optimization/lr\n" in both
    assert "\n\n# optimization/lora/lr\n" in both


def test_a_key_that_has_another_name_now_is_explained_under_it() -> None:
    shown = lorarun("explain", "optimization/warmup_pct").stdout
    assert shown.startswith("optimization/warmup_pct is called training/warmup_pct since version ")
    assert "\n# training/warmup_pct\n" in shown


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("lr-implausibel", "no rule and no key is called 'lr-implausibel'; did you mean lr-implausible?"),
        ("rates-not-on", "no rule and no key is called 'rates-not-on'; did you mean rates-not-one?"),
        ("batch_sise", "no rule and no key is called 'batch_sise'; did you mean batch_size?"),
        ("training/sede", "no rule and no key is called 'training/sede'; did you mean training/seed?"),
        ("everything", f"no rule and no key is called 'everything'; {LISTED}"),
        ("nonsense", f"no rule and no key is called 'nonsense'; {LISTED}"),
        ("", f"no rule and no key is called ''; {LISTED}"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, sentence: str) -> None:
    result = lorarun("explain", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"lorarun: {sentence}\n"


def test_without_a_name_the_sections_are_listed() -> None:
    listed = lorarun("explain")
    assert listed.exit_code == 0, listed.stderr
    names = re.findall(r"^- `(\w+)`: \S", listed.stdout, flags=re.MULTILINE)
    assert names == [*load_schema()["properties"]]
    named = re.findall(r"`lorarun ([^`]+)`", listed.stdout + LISTED)
    assert {"explain training", "schema", "rules"} == {*named}
    assert all(lorarun(*words.split()).exit_code == 0 for words in {*named})
    assert json.loads(lorarun("explain", "--format", "json").stdout)["markdown"] == listed.stdout
    joined = " ".join(lorarun("explain", "data/sources/NAME/completion").stdout.split())
    assert "joined to the prompt as both stand" in joined


def test_the_table_of_rules_has_one_line_a_rule() -> None:
    lines = lorarun("rules").stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [[rule.CODE, rule.SLUG, rule.SEVERITY] for rule in RULES]
    marked = {line.split()[1] for line in lines if line.endswith(" (--env)")}
    assert marked == {rule.SLUG for rule in NEED_ENVIRONMENT}


def test_the_table_of_rules_is_wrapped_on_a_terminal() -> None:
    drawn = COLOUR.sub("", lorarun("rules", FORCE_COLOR="1").stdout)
    assert max(map(len, drawn.splitlines())) <= 80
    assert [line[:5] for line in drawn.splitlines() if line.startswith("LR")] == [rule.CODE for rule in RULES]


def test_the_table_of_rules_is_data_too() -> None:
    rows = json.loads(lorarun("rules", "--format", "json").stdout)["rules"]
    assert [row["code"] for row in rows] == [rule.CODE for rule in RULES]
    for rule, row in zip(RULES, rows, strict=True):
        needs = rule in NEED_ENVIRONMENT
        assert row == {
            "code": rule.CODE,
            "slug": rule.SLUG,
            "severity": str(rule.SEVERITY),
            "summary": summary(rule),
            "needs_environment": needs,
        }


def test_the_schema_is_printed_as_it_is_committed(tmp_path: Path) -> None:
    committed = SCHEMA_FILE.read_text(encoding="utf-8")
    assert lorarun("schema").stdout == committed
    written = lorarun("schema", "--output", str(tmp_path / "spec.schema.json"))
    assert (written.exit_code, written.output) == (0, "")
    assert lorarun("schema", "--format", "json").stdout == committed
    assert (tmp_path / "spec.schema.json").read_text(encoding="utf-8") == committed


def test_a_schema_that_cannot_be_written_is_a_failure_of_storage(tmp_path: Path) -> None:
    result = lorarun("schema", "--output", str(tmp_path / "no" / "s.json"))
    assert result.exit_code == 74
    assert result.stderr.startswith("lorarun: can't write ")
    assert result.stderr.endswith(": No such file or directory\n")


@pytest.mark.parametrize("arguments", [["explain", "LR201"], ["rules"], ["schema"]], ids=lambda words: words[0])
def test_a_command_that_teaches_loads_neither_pydantic_nor_numerical_libraries(arguments: list[str]) -> None:
    script = (
        f"import sys\nfrom runner.cli import main\nmain({arguments}, standalone_mode=False)\n"
        "print('loaded', [name for name in ('pydantic', 'numpy', 'jax', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_the_hook_of_pre_commit_is_complete_and_its_entry_runs() -> None:
    (hook,) = YAML(typ="safe", pure=True).load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {"id", "name", "description", "entry", "language", "types", "files"} <= hook.keys()
    assert (hook["id"], hook["language"], hook["types"]) == ("lorarun-validate", "python", ["yaml"])
    assert re.search(hook["files"], "specs/a.yaml")
    assert re.search(hook["files"], "deep/specs/a/b.yml")
    assert not re.search(hook["files"], ".github/workflows/ci.yml")
    command, *arguments = shlex.split(hook["entry"])
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts[command] == "lorarun:main"  # which runs runner.cli
    ran = subprocess.run(
        [sys.executable, "-m", "runner.cli", *arguments, str(SPEC)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
