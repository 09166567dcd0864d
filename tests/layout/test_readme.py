"""README.md is true: its two commands, the paths it names and the commands it shows exist."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import main
from runner.failure import ExitCode
from runner.plan.compile import compile_plan
from runner.plan.printing import render_plan
from schema.formats import render_text
from schema.lint import accepted, lint_text

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLACES = ("schema/", "runner/", "specs/", "tests/", "tools/", ".ci/", ".github/")


def code_lines() -> list[str]:
    """Command lines of the fenced blocks, without comments and prompts."""
    lines: list[str] = []
    inside = False
    for line in README.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside and line.strip() and not line.lstrip().startswith("#"):
            lines.append(line.removeprefix("$ "))
    return lines


def named_paths() -> set[str]:
    """Paths of the project that README names in code spans, links and commands; not `<slug>` patterns."""
    spans = re.findall(r"`([^`\n]+)`", README) + re.findall(r"\]\(([^)\s#]+)", README) + code_lines()
    words = {word.strip("'\"(),;") for span in spans for word in span.split()}
    return {word.partition("#")[0] for word in words if word.startswith(PLACES) and "<" not in word}


def named_commands() -> set[str]:
    """Subcommands that follow `lorarun` in code blocks and code spans."""
    text = "\n".join([*code_lines(), *re.findall(r"`([^`\n]+)`", README)])
    return set(re.findall(r"(?:^|[\s/])lorarun ([a-z][a-z-]*)", text, flags=re.MULTILINE))


def test_the_first_command_installs_and_runs() -> None:
    first = code_lines()[0]
    assert first.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert ".venv/bin/lorarun " in first


def test_the_second_command_is_the_test_command() -> None:
    second = code_lines()[1]
    assert second == "python3 -m venv .venv && .venv/bin/pip install '.[dev]' && .venv/bin/python tools/check"


def test_continuous_integration_runs_the_second_command() -> None:
    printed = subprocess.run([ROOT / ".ci" / "run", "--print"], capture_output=True, text=True, check=False, cwd="/")
    assert printed.stderr == ""
    assert printed.stdout.rstrip("\n") == code_lines()[1]


@pytest.mark.parametrize("path", sorted(named_paths()))
def test_every_named_path_exists(path: str) -> None:
    found = list(ROOT.glob(path)) if "*" in path else [ROOT / path]
    assert found
    assert all(each.exists() for each in found), f"README.md names {path}, and there is no such file"


def test_every_named_command_exists() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output.partition("Commands:")[2]
    offered = set(re.findall(r"^  ([a-z][a-z-]*)", shown, flags=re.MULTILINE))
    assert named_commands() - offered == set()
    assert offered


def block(start: str) -> str:
    """The text of the only fenced block that begins so."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    (found,) = (each for each in blocks if each.startswith(start))
    return str(found)


SPEC = block("architecture:")


def test_the_spec_shown_is_silent() -> None:
    assert lint_text(SPEC, "spec.yaml").diagnostics == ()


def test_the_spec_of_conversations_wants_nothing_but_its_model() -> None:
    assert {each.slug for each in lint_text(block("# chat.yaml"), "chat.yaml").diagnostics} <= {"pretrained-not-here"}
    assert block("# chat.yaml").count("messages: messages") == 1


def test_the_keys_of_other_parts_that_are_shown_exist() -> None:
    for start in ("tokenizer:", "data:", "# token ids", "# of the hub"):
        found = {each.slug for each in lint_text(block(start), "spec.yaml").diagnostics}
        assert not found & {"unknown-key", "wrong-type", "invalid-choice", "yaml-syntax"}


def test_the_plan_shown_is_that_of_the_spec_shown() -> None:
    shown = [line for line in block("$ lorarun plan").splitlines()[1:] if line.strip() != "…"]
    plan = render_plan(compile_plan(accepted(lint_text(SPEC, "spec.yaml"))), "spec.yaml").splitlines()
    assert plan[: len(shown)] == shown


def test_the_findings_shown_are_those_of_the_linter() -> None:
    spec = SPEC
    for right, wrong in (("rate: 0.75", "rate: 0.65"), ("rank: 8", "rnk: 8"), ("[attn, mlp]", "[q_prj]")):
        assert right in spec
        spec = spec.replace(right, wrong, 1)
    found = render_text(lint_text(spec, "spec.yaml").diagnostics)
    assert block("$ lorarun validate") == f"$ lorarun validate spec.yaml\n{found}"


def test_the_rows_shown_are_those_of_the_records_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    sums = [{"question": f"{a} + {b} = ", "answer": str(a + b)} for a in range(1, 41) for b in range(1, 11)]
    assert re.findall(r'`(\{"question".*?\})`', README) == [json.dumps(sums[118])]
    Path("sums.jsonl").write_text("".join(json.dumps(record) + "\n" for record in sums))
    shape = "architecture={n_layers: 1, n_embd: 16, n_head: 2, block_size: 16, vocab_size: 320}"
    sources = "data/sources={sums: {path: sums.jsonl, prompt: question, completion: answer}}"
    mixture = "training/dataset=[{name: sums, rate: 1.0, style: PADDED}]"
    Path("spec.yaml").write_text("tokenizer: { backend: byte }\n")
    settings = [f"--set={setting}" for setting in (shape, sources, mixture, "training/tokens=1M")]
    done = CliRunner().invoke(main, ["data", "spec.yaml", "--show", "2", *settings])
    assert block("$ lorarun data") == f"$ lorarun data spec.yaml --show 2\n{done.stdout}"


def test_exit_codes_are_said_once_and_the_same_everywhere() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", README, flags=re.MULTILINE)
    assert rows == [(str(int(code)), code.meaning) for code in ExitCode]
    shown = CliRunner().invoke(main, ["--help"], terminal_width=200).output
    assert all(f"{code:>5}  {code.meaning.replace('`', '')}" in shown for code in ExitCode)
