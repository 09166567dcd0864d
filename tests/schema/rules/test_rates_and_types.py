"""Rates against each other, rates against the type of the parameters, and numbers that nobody uses."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from pydantic import ValidationError

from schema.fixes.apply import fix_text
from schema.lint import lint_text
from schema.spec import Spec
from tests.schema.goldens import SPECS

BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")
OF_OTHERS = "architecture/pretrained=tests/spec/models/llama"
BFLOAT16 = "architecture/dtype/param=bfloat16"


def messages(slug: str, *overrides: str) -> list[str]:
    """What one rule says of the base spec with these keys."""
    return [each.message for each in lint_text(BASE, "s.yaml", overrides).diagnostics if each.slug == slug]


# ── parameters in bfloat16 ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rate", [1e-5, 3e-5, 6e-5])
def test_the_estimate_of_lost_updates_is_what_bfloat16_does(rate: float) -> None:
    (message,) = messages("updates-lost", BFLOAT16, f"optimization/lr={rate}")
    said = int(message.partition("about ")[2].partition("%")[0]) / 100
    before = np.random.default_rng(0).normal(0, 0.02, 100_000).astype(ml_dtypes.bfloat16)
    sign = np.sign(np.random.default_rng(1).normal(size=before.size)).astype(np.float32)
    after = (before.astype(np.float32) + rate * sign).astype(ml_dtypes.bfloat16)
    assert abs(np.mean(after == before) - said) < 0.01


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ([BFLOAT16, "optimization/lr=1e-4"], False),
        ([BFLOAT16, "optimization/lr=3e-4"], False),
        (["optimization/lr=3e-5"], False),  # float32
        ([BFLOAT16, "optimization/lr=3e-4", "optimization/optimizer=muon"], True),
        ([BFLOAT16, "optimization/lr=2e-3", "optimization/optimizer=muon"], False),
        ([BFLOAT16, "optimization/lr=3e-5", "optimization/optimizer=adafactor"], True),
        # Adapters are float32 always.
        ([BFLOAT16, "optimization/lr=3e-5", OF_OTHERS, "training/pre_lora_tokens=[]"], False),
    ],
)
def test_updates_are_lost_where_they_are_small_beside_weights(overrides: list[str], told: bool) -> None:
    assert bool(messages("updates-lost", *overrides)) == told


def test_nobody_is_advised_to_store_parameters_in_bfloat16() -> None:
    found = lint_text(BASE, "s.yaml", ["architecture/dtype/param=float16"]).diagnostics
    assert [each.remedy for each in found if each.slug == "half-parameters"] == ["write float32"]


# ── rates that are none ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "key", "written", "near"),
    [
        ("  lr: {}", "optimization/lr", "3e4", "3e-4"),
        ("  lr: {}", "optimization/lr", "6.5E+5", "6.5e-5"),
        ("  lora: {{lr: {}}}", "optimization/lora/lr", "2e4", "2e-4"),
        ("  adamw: {{eps: {}}}", "optimization/adamw/eps", "1e8", "1e-8"),
        ("  muon: {{eps: {}}}", "optimization/muon/eps", "1e+7", "1e-7"),
    ],
)
def test_an_exponent_without_its_sign_is_an_error_that_only_an_unsafe_fix_mends(
    line: str, key: str, written: str, near: str
) -> None:
    text = f"optimization:\n{line.format(written)} # as it was\n"
    (found,) = [each for each in lint_text(text, "s.yaml").diagnostics if each.code == "LR011"]
    assert (found.severity.value, found.message) == ("error", f"{key} is {written}, outside its range")
    assert found.remedy.startswith(f"write {near}, or another number above 0 and ")
    assert fix_text(text, lambda text: lint_text(text, "s.yaml")).text.startswith(text)
    assert found.fix is not None
    assert (found.fix.safe, [edit.text for edit in found.fix.edits]) == (False, [near])


@pytest.mark.parametrize("rate", ["1", "1.0", "3", "1e0", "3_000", "300"])
def test_a_rate_of_one_or_more_is_an_error_without_a_guess(rate: str) -> None:
    for key in ("optimization/lr", "optimization/lora/lr"):
        found = [each for each in lint_text(BASE, "s.yaml", [f"{key}={rate}"]).diagnostics if each.code == "LR011"]
        assert [(each.severity.value, each.fix) for each in found] == [("error", None)]
        values: dict[str, object] = {"lr": float(rate)}
        with pytest.raises(ValidationError):
            Spec.model_validate({"optimization": values if key == "optimization/lr" else {"lora": values}})


# ── the rates of both phases ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("full", "lora", "told"),
    [
        ("2e-5", "2e-4", False),
        ("2e-5", "6e-5", False),
        ("1e-5", "3e-4", False),
        ("2e-5", "5e-5", True),
        ("1e-5", "4e-4", True),
        ("2e-4", "2e-5", True),
        ("2e-5", "null", True),
    ],
)
def test_adapters_on_a_model_of_others_learn_about_ten_times_as_fast(full: str, lora: str, told: bool) -> None:
    rates = f"optimization/lr={full}", f"optimization/lora/lr={lora}"
    assert bool(messages("adapter-rate", OF_OTHERS, *rates)) == told
    assert not messages("adapter-rate", *rates)  # from random weights
    assert not messages("adapter-rate", "architecture/pretrained=runs/base", *rates)
    assert not messages("adapter-rate", OF_OTHERS, *rates, "optimization/optimizer=muon")
    assert not messages("adapter-rate", OF_OTHERS, *rates, "training/pre_lora_tokens=[]")


# ── numbers that nobody uses ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "usual", "far"),
    [
        ("optimization/weight_decay", ("0", "0.1", "0.3"), ("1", "100")),
        ("optimization/adamw/beta2", ("0.9", "0.95", "0.999", "0.9999"), ("0.8", "0.095", "0")),
        ("optimization/adamw/beta1", ("0", "0.9", "0.98"), ("0.999",)),
        ("optimization/adamw/eps", ("1e-8", "1e-15", "1e-5"), ("0.1",)),
        ("architecture/dropout", ("0", "0.1", "0.2"), ("0.5", "0.9")),
        ("optimization/lora/dropout", ("0", "0.05", "0.1"), ("0.5",)),
    ],
)
def test_a_number_that_nobody_uses_is_told(key: str, usual: tuple[str, ...], far: tuple[str, ...]) -> None:
    slug = "hyperparameter-implausible"
    assert [messages(slug, f"{key}={value}") for value in usual] == [[] for _ in usual]
    assert [len(messages(slug, f"{key}={value}")) for value in far] == [1 for _ in far]


@pytest.mark.parametrize(("decay", "severity"), [("1", "info"), ("1.6", "info"), ("4", "info"), ("10", "warning")])
def test_a_weight_decay_that_some_publish_is_no_reproach(decay: str, severity: str) -> None:
    found = lint_text(BASE, "s.yaml", [f"optimization/weight_decay={decay}"]).diagnostics
    assert [each.severity.value for each in found if each.code == "LR408"] == [severity]


def test_a_decay_of_one_is_out_of_its_range_already() -> None:
    assert len(messages("out-of-range", "optimization/adamw/beta2=1")) == 1
    assert not messages("hyperparameter-implausible", "optimization/adamw/beta2=1")


@pytest.mark.parametrize(("interval", "told"), [("1200", False), ("1201", True), ("1000000", True), ("10", False)])
def test_a_report_beyond_the_run_is_told(interval: str, told: bool) -> None:
    assert bool(messages("report-never", f"logging/report_interval={interval}")) == told


def test_a_default_interval_is_nobodys_mistake() -> None:
    text = BASE.replace("  report_interval: 10\n", "").replace("- 1024000", "- 10240").replace("- 204800", "- 10240")
    assert not [each for each in lint_text(text, "s.yaml").diagnostics if each.slug == "report-never"]
