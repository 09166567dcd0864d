"""Plans that follow from token stores: what `plan` says, `exec` plans and the loader counts are the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runner.cli import main
from runner.data.batch import train_batch
from runner.data.ledger import RunLedger
from runner.data.loader import train_batches
from runner.environment import known_data
from runner.failure import ExitCode, Failure
from runner.plan.compile import compile_plan
from runner.report.ledger import differences, taken_data
from runner.run.execution import ExecutionSpec
from runner.train.lora_trainer import LoRATrainer
from schema.lint import load_spec
from schema.sampling import DatasetStyle, Sampling
from tests.runner.plan.goldens import PLANS, prepared

BY_STORES = ("exhausted_stop", "rates_by_tokens", "supervised_budget")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the golden plans' stores, which is the working directory."""
    monkeypatch.chdir(prepared())
    return prepared()


def trainer(name: str, root: Path | str, *settings: str) -> LoRATrainer:
    settings = (f"data/root={root}", "training/validation=false", *settings)
    return LoRATrainer(ExecutionSpec(load_spec(PLANS / f"{name}.yaml", settings), Path("run")))


@pytest.mark.parametrize("name", BY_STORES)
def test_the_loader_counts_what_the_plan_says_to_the_token(name: str, here: Path) -> None:
    run = trainer(name, here / "stores")
    printed = CliRunner().invoke(
        main, ["plan", str(PLANS / f"{name}.yaml"), "--set", "data/root=stores", "--format=json"]
    )
    assert json.loads(printed.stdout)["digest"] == run.plan.digest
    read: Counter[str] = Counter()
    for phase in run.plan.phases:
        for stage in phase.stages:
            where = {"first_step_of_stage": stage.first_step, "end_step": stage.last_step + 1}
            entries, batch = run.catalog.entries(stage), train_batch(run.spec.spec, phase.name)
            with train_batches(entries, seed=0, batch=batch, start_step=stage.first_step, **where) as batches:
                taken = [(dataset, each) for found in batches for dataset, each in found.ledger.items()]
            with train_batches(entries, seed=0, batch=batch, start_step=stage.last_step, **where) as batches:
                assert next(batches).step == stage.last_step  # in the middle of the stage, without what comes before
            rows: Counter[str] = Counter()
            for dataset, each in taken:
                rows[dataset] += each.rows
            read += rows
            assert [rows[entry.name] for entry in stage.mixture] == [entry.rows for entry in stage.mixture]
            if stage.supervised_planned is not None:
                assert sum(each.tokens_supervised for _, each in taken) == stage.supervised_planned
    last = {entry.name: entry.taken for phase in run.plan.phases for stage in phase.stages for entry in stage.mixture}
    assert read == last


def test_a_run_makes_its_stores_before_it_plans_by_them(here: Path, tmp_path: Path) -> None:
    spec = PLANS / "supervised_budget.yaml"
    asked = ["plan", str(spec), "--set", f"data/root={tmp_path}/stores"]
    unknown = CliRunner().invoke(main, asked)
    assert (unknown.exit_code, unknown.stdout) == (ExitCode.INVALID, "")
    assert unknown.stderr.endswith(
        "lorarun: training/budget counts supervised tokens, and the token store of 'tales' is not made yet, so that "
        "nobody knows how many steps they take; run `lorarun prepare SPEC` first\n"
    )
    made = trainer("supervised_budget", tmp_path / "stores").plan
    assert (tmp_path / "stores/tales/meta.json").exists()
    assert made.digest == trainer("supervised_budget", here / "stores").plan.digest
    assert CliRunner().invoke(main, asked).exit_code == 0
    outdated = CliRunner().invoke(main, [*asked, "--set", "data/deduplicate=exact"])
    assert (outdated.exit_code, outdated.stdout) == (ExitCode.INVALID, "")
    assert "the token store of 'tales' was made of something else, so that nobody knows" in outdated.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("exhausted_stop", "when tales or web runs out, which ends a stage, is known once its token store is made"),
        ("rates_by_tokens", "how many rows hold a share of the supervised tokens is known once token stores are made"),
    ],
)
def test_a_plan_without_stores_says_what_they_decide(name: str, sentence: str) -> None:
    """Nothing that was planned before its stores were made is believed of a run."""
    plan = compile_plan(load_spec(PLANS / f"{name}.yaml"))
    assert plan.unknown == (f"{sentence}; run `lorarun prepare SPEC` first",)
    assert [stage.steps for phase in plan.phases for stage in phase.stages] == [10, 5, 10]
    assert plan.phases[1].stages[0].mixture[0].epochs is None


WEB = Sampling(name="web", rate=0.5, style=DatasetStyle.PMD)
TALES = Sampling(name="tales", rate=0.25, style=DatasetStyle.PADDED)


@pytest.mark.parametrize("mixture", [[WEB, WEB], [TALES, WEB, TALES], [TALES, TALES, TALES, TALES]])
def test_a_dataset_that_a_mixture_lists_twice_is_counted_as_planned(mixture: list[Sampling], here: Path) -> None:
    run = trainer("exhausted_repeat", here / "stores")
    keys = {"pre_lora_dataset": [mixture, [WEB, TALES]], "post_lora_dataset": [mixture]}
    spec = run.spec.spec.model_copy(update={"training": run.spec.spec.training.model_copy(update=keys)})
    plan, counted = compile_plan(spec, 1, known_data(spec)), RunLedger()
    for phase in plan.phases:
        for number, stage in enumerate(phase.stages, start=1):
            where = {"first_step_of_stage": stage.first_step, "start_step": stage.first_step}
            entries, batch = run.catalog.entries(stage), train_batch(spec, phase.name)
            with train_batches(entries, seed=0, batch=batch, end_step=stage.last_step + 1, **where) as batches:
                for each in batches:
                    counted = counted.add(phase.name, number, each)
    taken = taken_data(run.catalog, plan, spec, counted)
    assert list(differences(taken.lines, counted)) == []
    names = [line.dataset for line in taken.lines if line.phase == "lora"]
    assert names == list(dict.fromkeys(entry.name for entry in mixture))


@pytest.mark.parametrize(
    ("name", "keys", "reason"),
    [
        (
            "exhausted_stop",
            {"pre_lora_tokens": [1280, 1_280_000], "post_lora_dataset": [[WEB]]},
            "training/post_lora_tokens[0] gets no step: 'web' has run out before, and data/on_exhausted is stop",
        ),
        (
            "supervised_budget",
            {"post_lora_tokens": [3]},
            "training/post_lora_tokens[0] gets no step: it asks 3 supervised tokens, and one step takes more",
        ),
        (
            "rates_by_tokens",
            {"post_lora_dataset": [[WEB, WEB]]},
            "training/post_lora_tokens[0]: its mixture lists 'web' twice, and its supervised tokens are counted",
        ),
    ],
)
def test_what_the_stores_leave_no_plan_for_is_refused(name: str, keys: dict[str, Any], reason: str, here: Path) -> None:
    """A lint that knows the stores says it first."""
    spec = trainer(name, here / "stores").spec.spec
    spec = spec.model_copy(update={"training": spec.training.model_copy(update=keys)})
    with pytest.raises(Failure) as refused:
        compile_plan(spec, 1, known_data(spec))
    assert (str(refused.value).startswith(reason), refused.value.exit_code) == (True, ExitCode.INVALID)
