"""One verdict for all commands: what is loaded, refused, skipped, and what a defect of a rule does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import pytest

import schema.lint
from schema.environment import Environment
from schema.lint import lint_bytes, lint_file, lint_text, load_spec
from schema.rules import NEED_ENVIRONMENT
from schema.settings import Settings
from schema.text.diagnostic import Severity, SpecError, UnreadableSpec
from tests.schema.goldens import SPECS, heard

BASE = SPECS / "ok" / "base.yaml"
ROOT = SPECS.parents[1]


def codes(text: str, *overrides: str, environment: Environment | None = None) -> list[str]:
    return [found.code for found in lint_text(text, "s", overrides, environment, heard()).diagnostics]


def test_a_clean_spec_is_loaded_with_the_keys_that_were_written() -> None:
    spec = load_spec(BASE, ["mesh/data=2"])
    assert spec.mesh.data == 2
    assert spec.model_fields_set == {"architecture", "tokenizer", "training", "optimization", "logging", "eval", "mesh"}
    assert spec.optimization.lora.model_fields_set == {"rank", "alpha", "target_modules"}
    assert "tokens" not in spec.training.model_fields_set


def test_warnings_do_not_stop_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(BASE.read_text().replace("PMD", "pmd"))
    assert load_spec(path).training.pre_lora_dataset[0][0].style == "PMD"
    found = lint_file(path, settings=heard()).diagnostics
    assert [each.severity for each in found] == [Severity.WARNING]


def test_an_error_is_raised_with_every_finding(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("training: {batch_size: 0}\nmesh: {dta: 8}")
    with pytest.raises(SpecError, match="training/batch_size is 0") as caught:
        load_spec(path, settings=heard())
    assert [found.code for found in caught.value.diagnostics] == ["LR011", "LR003"]


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    for path, reason in [
        (tmp_path / "none.yaml", "there is no file"),
        (tmp_path, "is a folder"),
        ("a\0b", "can't read"),
    ]:
        with pytest.raises(UnreadableSpec, match=reason):
            load_spec(path)


def test_a_large_file_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"#" * (3 << 20))
    verdict = lint_file(path)
    assert [found.message for found in verdict.diagnostics] == [f"{path} is larger than 1 MiB"]
    assert verdict.document is None


def test_findings_are_sorted_by_place() -> None:
    places = [
        found.span.start[1:]
        for found in lint_text(
            "eval: {evaluations: [a_ppl]}\ntraining: {x: 1, seed: -1}\nmesh: 3", "s", settings=heard()
        ).diagnostics
    ]
    assert places == sorted(places)
    assert len(places) == 4


def test_one_cause_gives_one_finding() -> None:
    assert codes("training: {batch_size: wide, pre_lora_tokens: [5], post_lora_tokens: [5, 6]}") == ["LR004", "LR101"]
    assert codes("architecture: {n_emdb: 100}") == ["LR003"]
    assert codes("training: {pre_lora_dataset: [[{name: web, rate: x}]]}") == ["LR004"]
    assert "rates-not-one" not in lint_text("training: 3", "s").skipped
    assert "partial-batch-stage" in lint_text("training: 3", "s").skipped


def test_a_text_that_is_no_mapping_is_one_finding() -> None:
    verdict = lint_text("[", "s")
    assert [found.code for found in verdict.diagnostics] == ["LR001"]
    assert verdict.document is None


def test_where_adapters_start_from_is_asked_only_when_a_run_starts() -> None:
    text = "training: {pre_lora_tokens: [], pre_lora_dataset: []}"
    assert codes(text) == []
    assert codes(text, environment=Environment(restore=True)) == []
    assert codes(text, environment=Environment(restore=False)) == ["LR110"]
    shape = ("architecture/n_layers=12", "architecture/n_embd=768", "architecture/n_head=12")
    base = ("architecture/pretrained=runs/a", *shape)
    assert codes(text, *base, environment=Environment(restore=False)) == []


def test_a_rule_that_fails_is_a_finding_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(document: Any) -> Any:
        yield from ()
        raise RuntimeError("oh")

    broken = SimpleNamespace(CODE="LR999", SLUG="broken", SEVERITY=Severity.INFO, check=check)
    monkeypatch.setattr(schema.lint, "RULES", (broken, *schema.lint.RULES))
    found = lint_text("mesh: {dta: 1}", "s", settings=heard()).diagnostics
    assert [each.code for each in found] == ["LR900", "LR003"]
    assert found[0].message == "the rule LR999 broken failed: RuntimeError: oh"


def test_a_hundred_lines_are_linted_in_well_under_sixty_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(BASE.read_bytes() + b"".join(b"x-%d: [a, b]\n" % line for line in range(50)))
    seconds = []
    for _ in range(5):
        start = process_time()
        lint_file(path)
        seconds.append(process_time() - start)
    assert min(seconds) < 0.06


def test_the_generated_schema_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bytes_text_and_file_have_one_verdict() -> None:
    text = "training: {batch_size: 0} # ü\n"
    assert lint_bytes(text.encode(), "s") == lint_text(text, "s")
    assert [found.code for found in lint_bytes(b"x: \xff", "s").diagnostics] == ["LR001"]


def test_rules_about_the_machine_are_named_as_skipped_where_nothing_is_known_of_it() -> None:
    def skipped(machine: Environment | None) -> list[str]:
        verdict = lint_text(BASE.read_text(), "s", environment=machine, settings=Settings(show_skipped=True))
        return [found.message for found in verdict.diagnostics]

    assert skipped(Environment()) == []
    needs = "needs facts of the machine that runs the spec"
    assert skipped(None) == [f"the rule {rule.SLUG} {needs}" for rule in NEED_ENVIRONMENT]
