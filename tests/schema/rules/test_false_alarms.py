"""What experts write is no mistake, and what is a mistake nearby is still found."""

from __future__ import annotations

import pytest

from schema.lint import lint_text
from tests.schema.goldens import SPECS, environment_of

BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")
STEP = 512 * 1024
LARGE = ("training/batch_size=512", "architecture/block_size=1024", "training/per_device_batch_size=8")


def found(slug: str, *overrides: str, base: str = BASE) -> list[str]:
    """The severities of one rule over the base spec with these keys, which stand in the file or in --set."""
    return [each.severity.value for each in lint_text(base, "s.yaml", overrides).diagnostics if each.slug == slug]


@pytest.mark.parametrize(
    ("full", "lora", "told"),
    [
        ("10B", "20M", False),
        ("2T", "1B", False),
        ("100B", f"{20 * STEP}", False),
        ("100B", f"{19 * STEP}", True),  # steps, not shares: adapters begin at zero
        (f"{19 * 99 * STEP}", f"{19 * STEP}", False),
    ],
)
def test_a_short_phase_lora_is_one_of_few_steps(full: str, lora: str, told: bool) -> None:
    budgets = f"training/pre_lora_tokens=[{full}]", f"training/post_lora_tokens=[{lora}]"
    assert bool(found("adapter-phase-negligible", *LARGE, *budgets)) == told


@pytest.mark.parametrize(
    ("tokens", "severities"),
    [
        ("10B", []),
        ("300B", []),
        ("10_000_000_001", ["info"]),  # written to the digit
        ("20M", ["info"]),
        (f"{int(10.4 * STEP)}", ["info"]),
        (f"{int(9.51 * STEP)}", ["warning"]),
    ],
)
def test_a_round_budget_need_not_be_a_whole_number_of_steps(tokens: str, severities: list[str]) -> None:
    assert found("partial-batch-stage", *LARGE, f"training/pre_lora_tokens=[{tokens}]") == severities


@pytest.mark.parametrize(
    ("share", "severities"),
    [
        ("0.01", []),
        ("0.002", ["info"]),  # two steps of phase full, none of phase lora
        ("0.0004", ["warning"]),
        ("0", []),
    ],
)
def test_a_warm_up_that_one_phase_is_too_short_for_is_no_mistake(share: str, severities: list[str]) -> None:
    assert found("schedule-part-zero-steps", f"training/warmup_pct={share}") == severities


@pytest.mark.parametrize(
    ("path", "severities"),
    [
        ("/scratch/ann/stores", []),
        ("/lustre/fs1/data", []),
        ("/mnt/data", []),
        ("data", []),
        ("/home/ann/data", ["info"]),
        ("~/data", ["info"]),
        ("/Users/ann/data", ["info"]),
        ("$SCRATCH/data", ["warning"]),
        ("/scratch/${USER}/data", ["warning"]),
        ("file:///scratch/data", ["warning"]),
        ("D:/data", ["warning"]),
    ],
)
def test_the_disks_of_a_cluster_are_no_mistake(path: str, severities: list[str]) -> None:
    assert found("machine-dependent-value", base=f"{BASE}data: {{root: '{path}'}}\n") == severities


@pytest.mark.parametrize(
    ("name", "severities"),
    [
        ("meta-llama/Llama-3.1-8B", ["info"]),
        ("Qwen/Qwen3-8B@main", ["info"]),
        ("/scratch/models/llama", ["info"]),
        ("./modles/llama", ["warning"]),
        ("modles", ["warning"]),
        ("tests/llama", ["warning"]),  # in a folder that is here
    ],
)
def test_a_model_that_another_machine_may_have_is_no_mistake(
    name: str, severities: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SPECS.parents[1])
    monkeypatch.setenv("HF_HUB_CACHE", "/none")
    base = BASE.replace("  n_layers: 4\n", f"  pretrained: {name}\n")
    assert found("pretrained-not-here", base=base) == severities


@pytest.mark.parametrize(
    ("interval", "rows", "told"),
    [
        ("100", "8", False),
        ("2", "2", False),
        ("2", "8", True),  # 16 rows of two datasets, behind 16 that are trained
        ("1", "1", False),
        ("50", "512", False),  # dear, but soon over
        ("50", "8192", True),
    ],
)
def test_many_validations_are_told_where_they_cost_much(interval: str, rows: str, told: bool) -> None:
    overrides = f"logging/validation_interval={interval}", f"training/validation_steps={rows}"
    assert bool(found("evaluation-cost", *overrides)) == told


def test_a_long_run_validates_often_without_a_word() -> None:
    budget = "training/pre_lora_tokens=[300B]", "logging/validation_interval=500", "training/validation_steps=2048"
    assert found("evaluation-cost", *LARGE, *budget) == []


@pytest.mark.parametrize(
    ("lr", "more", "severities"),
    [
        ("0.02", (), ["warning"]),
        ("0.02", ("optimization/optimizer=muon",), ["warning"]),
        ("0.02", ("optimization/optimizer=muon", "optimization/muon/consistent_rms=null"), []),
        ("0.02", ("optimization/optimizer=adafactor", "optimization/adafactor/multiply_by_parameter_scale=true"), []),
        ("0.2", ("optimization/optimizer=muon", "optimization/muon/consistent_rms=null"), ["warning"]),
        ("3e4", (), []),  # an error of another rule
    ],
)
def test_a_rate_is_judged_by_the_updates_that_it_makes(lr: str, more: tuple[str, ...], severities: list[str]) -> None:
    assert found("lr-implausible", f"optimization/lr={lr}", *more) == severities
    assert bool(found("out-of-range", f"optimization/lr={lr}", *more)) == (lr == "3e4")


@pytest.mark.parametrize(
    ("more", "phases"),
    [
        ((), "phase full and phase lora"),
        (("architecture/pretrained=runs/stable",), "phase lora"),  # phase full cools a stable run down
        (("architecture/pretrained=runs/stable", "training/post_lora_tokens=[]", "training/post_lora_dataset=[]"), ""),
    ],
)
def test_a_stable_run_is_cooled_down_from_the_first_step(more: tuple[str, ...], phases: str) -> None:
    shares = "training/warmup_pct=0", "training/decay_pct=1"
    told = [each.message for each in lint_text(BASE, "s.yaml", [*shares, *more]).diagnostics if each.code == "LR104"]
    said = f"the learning rate of {phases} falls from the first step on and is never at its peak"
    assert told == [said] * bool(phases)


SUMS = (SPECS / "err" / "mostly-padding" / "short_sums.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("longest", "more", "block_size"),
    [
        (16, (), 16),
        (100, (), 104),
        (100, ("training/validation=false",), 16),
        (400, (), None),  # rows of validation are needed
        # The weights of a run have its block_size, those of a Hugging Face model have none.
        (16, ("architecture/pretrained=runs/base",), None),
        (16, ("architecture/pretrained=OWNER/NAME",), 16),
    ],
)
def test_rows_are_as_long_as_the_longest_example_that_the_run_reads(
    longest: int, more: tuple[str, ...], block_size: int | None
) -> None:
    store = {"tokenizer": "byte", "train": {"14": 990, "16": 10}, "val": {"14": 30, str(longest): 2}}
    machine = environment_of({"datasets": {"sums": {"source": True, "store": store}}})
    told = [each for each in lint_text(SUMS, "s.yaml", more, machine).diagnostics if each.slug == "mostly-padding"]
    lower = f", or architecture/block_size: {block_size}, which leaves nothing out" if block_size else ""
    packed = "write style: PACKED, of whose rows 2.2 % would be padding"
    assert [each.remedy for each in told] == [f"{packed}{lower}"]
    assert [each.severity.name for each in told] == ["WARNING" if block_size else "INFO"]
    # 990 × 13 and 10 × 15 inputs of 1,000 rows of 512, as `lorarun data` counts them.
    assert all(each.message.startswith("97 % of the rows") for each in told)


@pytest.mark.parametrize(
    ("style", "length", "exhausted", "told"),
    [
        ("PADDED", "9000", "", {"LR210"}),  # three rows of 27,000 tokens
        ("PADDED", "200", "", {"LR212"}),
        ("PMD", "9000", "", set()),
        ("PMD", "200", "", {"LR212"}),
        ("PADDED", "9000", "error", {"LR210", "LR212"}),  # the run is refused
    ],
)
def test_a_few_long_documents_in_rows_are_one_finding(style: str, length: str, exhausted: str, told: set[str]) -> None:
    web = "name: web\n      rate: 1.0\n      style: "
    text = BASE.replace(f"{web}PMD", f"{web}{style}") + (f"data: {{on_exhausted: {exhausted}}}\n" if exhausted else "")
    machine = environment_of({"datasets": {"web": {"store": {"tokenizer": "tiktoken/gpt2", "train": {length: 3}}}}})
    overrides = "training/validation=false", "training/pre_lora_tokens=[102400]"
    found = lint_text(text, "s.yaml", overrides, machine).diagnostics
    assert {each.code for each in found if each.code in ("LR210", "LR212")} == told
