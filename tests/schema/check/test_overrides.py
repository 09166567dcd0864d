"""`--set key=value` is checked like the YAML, and its findings point at the argument."""

from __future__ import annotations

from typing import Any

import pytest

from schema.lint import Verdict, lint_text
from tests.schema.goldens import SPECS

TEXT = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")


def linted(*overrides: str, text: str = TEXT) -> Verdict:
    return lint_text(text, "spec.yaml", overrides)


@pytest.mark.parametrize(
    ("argument", "path", "value"),
    [
        ("training/batch_size=4", "training/batch_size", 4),
        ("logging/report_interval=1K", "logging/report_interval", 1000),
        ("optimization/lora/target_modules=[q_proj, 'mlp']", "optimization/lora/target_modules", ["q_proj", "mlp"]),
        ("mesh/data=-1", "mesh/data", -1),
        ("mesh={data: 2, fsdp: 4}", "mesh/fsdp", 4),
        ("optimization/lora/lr=", "optimization/lora/lr", None),
        ("data/sources/web/path=a=b.txt", "data/sources/web/path", "a=b.txt"),
    ],
)
def test_a_value_replaces_or_adds_its_key(argument: str, path: str, value: Any) -> None:
    verdict = linted(argument)
    assert verdict.document is not None
    assert [found for found in verdict.diagnostics if found.code not in ("LR102", "LR112")] == []
    assert verdict.document.value(path) == value
    assert verdict.document.given(path)
    assert verdict.document.value("logging/validation_interval") == 100


@pytest.mark.parametrize(
    ("argument", "code", "column"),
    [
        ("training/batch_size=x", "LR004", 21),
        ("training/batch_size='8'", "LR005", 21),
        ("optimization/lora/target_modules=[mlp, q_prj]", "LR301", 40),
        ("optimization/lora={rnk: 8}", "LR003", 20),
        ("mesh/data=[", "LR001", 12),
        ("mesh/data=\ud800", "LR001", 11),
        ("training.batch_size=4", "LR014", 1),
        ("training/batch_sise=4", "LR014", 1),
        ("=4", "LR014", 1),
        ("", "LR014", 1),
        ("training//batch_size=4", "LR014", 1),
    ],
)
def test_a_finding_points_at_the_argument(argument: str, code: str, column: int) -> None:
    (found,) = linted(argument).diagnostics
    assert (found.code, *found.span.start) == (code, f"--set {argument}", 1, column)


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ("training/batch_size:4", "write --set training/batch_size=4"),
        ("training/batch_size: 4", "write --set training/batch_size=4"),
        ("training/batch_size 4", "write --set training/batch_size=4"),
        ("training.batch_size:=4", "write training/batch_size, with slashes"),
        ("training/batch_size", "write --set training/batch_size=8"),
        ("training:batch_size=4", "write training/batch_size, with slashes"),
        ("--training/batch_size=4", "write training/batch_size"),
        ("training/batch_size =4", "write training/batch_size"),
        (
            "training/b\u0430tch_size=4",
            "write training/batch_size, without U+0430 CYRILLIC SMALL LETTER A as letter 11",
        ),
    ],
)
def test_a_remedy_is_the_argument_to_write(argument: str, remedy: str) -> None:
    (found,) = linted(argument).diagnostics
    assert (found.code, found.remedy) == ("LR014", remedy)


@pytest.mark.parametrize("argument", ["x-note=as in run 12", "training/x-note=[1, 2]", "x-owner/team=data"])
def test_a_note_can_be_set(argument: str) -> None:
    assert linted(argument).diagnostics == ()


@pytest.mark.parametrize("argument", ["training/batch_size/x-note=1", "training/pre_lora_tokens/x-note=1", "x-a//b=1"])
def test_a_note_stands_in_a_section_only(argument: str) -> None:
    assert [found.code for found in linted(argument).diagnostics] == ["LR014"]


def test_one_key_twice_on_the_command_line_is_an_error() -> None:
    (found,) = linted("mesh/data=1", "mesh/data=2").diagnostics
    assert (found.code, found.span.origin.name) == ("LR002", "--set mesh/data=2")


def test_an_override_answers_a_finding_of_the_file() -> None:
    assert linted(text=TEXT.replace("n_head: 4", "n_head: 3")).diagnostics != ()
    assert linted("architecture/n_head=4", text=TEXT.replace("n_head: 4", "n_head: 3")).diagnostics == ()


def test_a_value_that_is_no_mapping_on_the_way_is_reported_where_it_stands() -> None:
    found = linted("optimization/lora/rank=8", text="optimization: 3").diagnostics
    assert [each.span.origin.name for each in found if each.code == "LR004"] == ["spec.yaml"]
