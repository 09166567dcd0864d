"""`lorarun plan`: the reviewed text of the golden plans, the JSON, and the arithmetic of random budgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli import main
from runner.failure import ExitCode, Failure
from runner.plan.compile import compile_plan
from runner.plan.plan import AdapterPlan, BytesPlan, LearningRatePlan, PhasePlan, Plan, StagePlan
from runner.plan.printing import render_plan
from runner.report.ledger import LedgerLine
from schema.budget.draws import EntryBudget
from schema.lint import load_spec
from schema.spec import Spec
from tests.runner.plan.goldens import PLANS, cases, outputs, planned, printed


def plan_json(path: Path) -> str:
    result = planned(path, "--format", "json")
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_a_golden_plan_prints_what_was_reviewed(path: Path) -> None:
    assert printed(path) == path.with_suffix(".out").read_text(encoding="utf-8")


def test_no_plan_is_left_without_its_spec() -> None:
    assert {path.with_suffix(".yaml") for path in outputs()} == set(cases())


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_the_json_of_a_plan_is_the_same_on_two_runs(path: Path) -> None:
    assert plan_json(path) == plan_json(path)


def test_the_json_of_a_plan_has_every_field() -> None:
    plan = json.loads(plan_json(PLANS / "stages.yaml"))
    phase = plan["phases"][0]
    stage = phase["stages"][0]
    assert set(plan) == {"version", "ledger", *Plan.__slots__}
    assert set(plan["ledger"][0]) == set(LedgerLine.__slots__)
    assert set(phase) == set(PhasePlan.__slots__)
    assert set(phase["learning_rate"]) == set(LearningRatePlan.__slots__)
    assert set(phase["bytes_per_device"]) == set(BytesPlan.__slots__)
    assert set(stage) == set(StagePlan.__slots__)
    assert set(stage["mixture"][0]) == set(EntryBudget.__slots__)
    assert set(plan["adapters"][0]) == set(AdapterPlan.__slots__)


def test_the_ledger_of_a_plan_is_that_of_its_budget() -> None:
    plan = json.loads(plan_json(PLANS / "supervised_budget.yaml"))
    for phase in plan["phases"]:
        for number, stage in enumerate(phase["stages"], start=1):
            own = [line for line in plan["ledger"] if (line["phase"], line["stage"]) == (phase["name"], number)]
            totals = {name: sum(line["planned"][name] for line in own) for name in own[0]["planned"]}
            assert totals["tokens_supervised"] == stage["supervised_planned"]
            assert totals["tokens_seen"] + totals["padding"] == stage["tokens_planned"]
            assert [line["planned"]["rows"] for line in own] == [entry["rows"] for entry in stage["mixture"]]


def activations(*arguments: str) -> list[str]:
    """What `plan` prints of the activations of each phase."""
    result = CliRunner().invoke(main, ["plan", str(PLANS / "two_phase.yaml"), *arguments])
    assert result.exit_code == 0, result.output
    return [line.removeprefix("  activations    ") for line in result.stdout.splitlines() if "activations" in line]


def test_activations_are_of_the_rows_that_are_known_and_else_of_one() -> None:
    unknown = activations()
    assert len(unknown) == 2
    assert all(line.endswith(" with 1 row at once; --memory SIZE shows how many rows fit a device") for line in unknown)
    four = activations("--set", "training/per_device_batch_size=4")
    assert all(line.endswith(" with 4 rows at once") for line in four)
    assert activations("--set", "training/per_device_batch_size=4", "--memory", "80G") == four


def test_more_memory_takes_more_rows_and_less_is_said_to_be_too_little() -> None:
    rows = [int(activations("--memory", size)[0].split()[3]) for size in ("16M", "24M", "1G")]
    assert rows == sorted(rows)
    assert rows[0] < rows[-1] == 16
    small = CliRunner().invoke(main, ["plan", str(PLANS / "two_phase.yaml"), "--memory", "14M"])
    assert "warning[LR508 memory]: phase full needs" in small.stderr
    smaller = CliRunner().invoke(main, ["plan", str(PLANS / "two_phase.yaml"), "--memory", "10M"])
    assert (smaller.exit_code, smaller.stdout) == (ExitCode.INVALID, "")
    assert "error[LR508 memory]: phase full needs" in smaller.stderr


def test_a_size_of_memory_that_is_none_is_refused() -> None:
    for size in ("much", "-1", "24X", ""):
        result = CliRunner().invoke(main, ["plan", str(PLANS / "two_phase.yaml"), "--memory", size])
        assert result.exit_code == 2
        assert "--memory" in result.stderr


def test_the_mesh_does_not_change_the_digest() -> None:
    spec = load_spec(PLANS / "sharded.yaml", ["mesh/tensor=1"])
    assert compile_plan(spec, 8).digest == compile_plan(spec, 2).digest


def test_a_batch_that_the_devices_do_not_divide_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text((PLANS / "two_phase.yaml").read_text(encoding="utf-8"))
    result = CliRunner().invoke(main, ["plan", str(tmp_path / "spec.yaml"), "--devices", "3"])
    assert result.exit_code == 2
    assert "training/batch_size 16 is no multiple of the 3 devices of mesh/data × mesh/fsdp\n" in result.stderr
    with pytest.raises(Failure, match="mesh/fsdp; make it 18") as refused:
        compile_plan(load_spec(tmp_path / "spec.yaml"), 3)
    assert refused.value.exit_code is ExitCode.INVALID


def test_a_mesh_that_does_not_match_the_devices_is_refused() -> None:
    result = CliRunner().invoke(main, ["plan", str(PLANS / "sharded.yaml"), "--devices", "3"])
    assert result.exit_code == 2
    assert "mesh (data 1 × fsdp -1 × tensor 2) needs a multiple of 2 devices, and there are 3\n" in result.stderr
    with pytest.raises(Failure, match="there are 3; write axes whose product is 3") as refused:
        compile_plan(load_spec(PLANS / "sharded.yaml"), 3)
    assert refused.value.exit_code is ExitCode.INVALID


def spec_of(training: dict[str, Any], architecture: dict[str, Any] | None = None, **sections: Any) -> Spec:
    shape = {"n_layers": 1, "n_embd": 16, "n_head": 2, "block_size": 16, "vocab_size": 320, **(architecture or {})}
    return Spec.model_validate_json(json.dumps({"architecture": shape, "training": training, **sections}))


PROSE = [{"name": "prose", "rate": 1.0, "style": "PMD"}]


@st.composite
def budgets(draw: st.DrawFn) -> tuple[dict[str, Any], int]:
    """Random stages, each at least one step long, and the tokens of a step."""
    batch = draw(st.integers(1, 50))
    step = batch * 16
    amounts = st.lists(st.integers(step, 10_000 * step), max_size=5)
    full, lora = draw(amounts), draw(amounts.filter(len))
    training: dict[str, Any] = {"batch_size": batch, "pre_lora_tokens": full, "post_lora_tokens": lora}
    training |= {"pre_lora_dataset": [PROSE] * len(full), "post_lora_dataset": [PROSE] * len(lora)}
    return training, step


@settings(max_examples=50)
@given(budgets())
def test_the_steps_of_stages_add_up_and_no_boundary_is_off_by_more_than_half_a_step(
    case: tuple[dict[str, Any], int],
) -> None:
    training, step = case
    plan = compile_plan(spec_of(training, logging={"report_interval": 10_000}))
    stages = [stage for phase in plan.phases for stage in phase.stages]
    asked = 0
    for before, stage in zip([None, *stages], stages, strict=False):
        asked += stage.tokens_asked
        assert stage.first_step == (before.last_step + 1 if before else 1)
        assert 2 * abs(stage.last_step * step - asked) <= step
    assert sum(stage.steps for stage in stages) == plan.steps == plan.phases[-1].last_step
    assert sum(phase.tokens for phase in plan.phases) == plan.tokens == plan.steps * step


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"warmup_pct": 0.6, "decay_pct": 0.6}, "training/warmup_pct 0.6 and training/decay_pct 0.6 take .* lower one"),
        ({"post_lora_tokens": []}, "training/post_lora_tokens gives no plan; `lorarun validate` says why"),
        ({"pre_lora_dataset": [[{**PROSE[0], "rate": 0.0}]]}, r"training/pre_lora_tokens\[0\] gives no plan"),
    ],
)
def test_a_spec_that_no_lint_would_accept_has_no_plan(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(Failure, match=reason) as refused:
        compile_plan(spec_of({**TRAINING, **keys}))
    assert refused.value.exit_code is ExitCode.INVALID


TRAINING = {
    "batch_size": 4,
    "pre_lora_tokens": [6400],
    "pre_lora_dataset": [PROSE],
    "post_lora_tokens": [3200],
    "post_lora_dataset": [PROSE],
}
CONTRACT: dict[str, tuple[str, Any]] = {
    "batch size": ("training/batch_size", 8),
    "block size": ("architecture/block_size", 32),
    "full budget": ("training/pre_lora_tokens", [6464]),
    "lora budget": ("training/post_lora_tokens", [3264]),
    "dataset": ("training/pre_lora_dataset", [[{**PROSE[0], "name": "other"}]]),
    "style": ("training/post_lora_dataset", [[{**PROSE[0], "style": "PADDED"}]]),
    "suffix": ("training/post_lora_dataset", [[{**PROSE[0], "suffix": "clean"}]]),
    "warm-up": ("training/warmup_pct", 0.3),
    "decay": ("training/decay_pct", 0.3),
    "rate": ("optimization/lr", 1e-2),
    "lora rate": ("optimization/lora/lr", 1e-2),
    "rank": ("optimization/lora/rank", 3),
    "targets": ("optimization/lora/target_modules", ["mlp"]),
    "width": ("architecture/n_embd", 32),
    "layers": ("architecture/n_layers", 2),
    "vocabulary": ("architecture/vocab_size", 384),
}


@pytest.mark.parametrize("what", CONTRACT)
def test_the_digest_changes_with_every_key_of_the_contract(what: str) -> None:
    before = spec_of(TRAINING)
    path, value = CONTRACT[what]
    sections = before.model_dump(mode="json", exclude_unset=True)
    *parents, name = path.split("/")
    section = sections
    for parent in parents:
        section = section.setdefault(parent, {})
    section[name] = value
    after = Spec.model_validate_json(json.dumps(sections))
    assert compile_plan(before).digest != compile_plan(after).digest


def test_a_plan_of_a_billion_steps_stays_small() -> None:
    training = {**TRAINING, "pre_lora_tokens": [10**15]}
    plan = compile_plan(spec_of(training))
    full = plan.phases[0]
    assert full.steps > 10**9
    assert 10**9 // 32 * 32 in full.report_steps
    assert len(render_plan(plan, "large.yaml")) < 10_000
