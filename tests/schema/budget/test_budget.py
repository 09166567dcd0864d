"""The budget of a document: a key that failed its check takes along what needs it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schema.budget.budget import Budget
from schema.check.findings import Unavailable
from schema.document import read_document

SPEC = b"""\
architecture: {n_layers: 2, n_embd: 64, n_head: 2, block_size: 32, vocab_size: 320}
training:
  batch_size: 4
  pre_lora_tokens: [2560]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [1920]
  post_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
"""
PARTS: dict[str, Callable[[Budget], Any]] = {
    "stages": lambda budget: budget.stages,
    "draws": lambda budget: budget.draws,
    "rates": lambda budget: budget.phases["lora"].learning_rate(0),
    "schedule": lambda budget: budget.phases["full"].schedule_steps,
    "reports": lambda budget: budget.phases["full"].report_steps,
    "validations": lambda budget: budget.phases["full"].validation_steps,
    "checkpoints": lambda budget: budget.phases["full"].checkpoint_steps,
    "state": lambda budget: budget.phases["full"].state_bytes,
    "disk": lambda budget: budget.disk,
    "export": lambda budget: budget.export_bytes,
    "device rows": lambda budget: budget.device_rows,
}
OF_STAGES = PARTS.keys() - {"device rows"}


def unavailable(*overrides: str) -> set[str]:
    budget = read_document(SPEC, "spec.yaml", overrides).budget
    return {part for part, read in PARTS.items() if not is_available(read, budget)}


def is_available(read: Callable[[Budget], Any], budget: Budget) -> bool:
    try:
        read(budget)
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("training/seed=1", set()),
        ("training/seed=first", set()),
        ("logging/report_interval=often", {"reports"}),
        ("logging/validation_interval=often", {"validations"}),
        ("logging/checkpoint_interval=often", {"checkpoints", "disk"}),
        ("checkpoint/keep=all", {"disk"}),
        ("optimization/lr=fast", {"rates"}),
        ("training/warmup_pct=long", {"rates", "schedule"}),
        ("export/dtype=int8", {"export", "disk"}),
        ("mesh/fsdp=wide", {"state", "device rows"}),
        ("mesh/fsdp=-1", {"state", "device rows"}),  # of nobody knows how many
        ("architecture/n_layers=many", {"state", "disk", "export"}),
        ("training/pre_lora_tokens=[many]", OF_STAGES),
        ("training/batch_size=large", PARTS.keys() - {"state", "export"}),
    ],
)
def test_a_key_that_failed_takes_along_what_needs_it_and_nothing_else(override: str, parts: set[str]) -> None:
    assert unavailable(override) == parts


@pytest.mark.parametrize(
    "override",
    [
        "training/pre_lora_tokens=[2560, 2560]",  # LR101 speaks of two budgets and one mixture
        "training/warmup_pct=0.9",  # LR401 speaks of shares beyond 1
    ],
)
def test_what_another_rule_refuses_has_no_numbers(override: str) -> None:
    assert "rates" in unavailable(override, "training/decay_pct=0.9")


def test_keys_of_the_other_family_of_budgets_leave_no_stages() -> None:
    text = SPEC.replace(b"pre_lora_tokens: [2560]", b"tokens: 2560")
    budget = read_document(text, "spec.yaml").budget
    assert budget.displaced == {"tokens": "pre_lora_tokens"}
    assert not is_available(lambda budget: budget.stages, budget)


def test_adapters_without_a_phase_leave_the_stages_of_phase_full_and_no_end() -> None:
    text = SPEC.partition(b"  post_lora_tokens")[0] + b"optimization: {lora: {rank: 4}}\n"
    budget = read_document(text, "spec.yaml").budget
    assert budget.adapters_without_phase
    assert {stage.phase for stage in budget.stages} == {"full"}
    assert not is_available(lambda budget: budget.steps, budget)
    assert not is_available(lambda budget: budget.has_adapters, budget)
