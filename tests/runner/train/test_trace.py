"""`exec` does what `plan --format json` printed, to the step and to the token."""

from __future__ import annotations

import json
import random
from io import StringIO
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from rich.console import Console

from runner.checkpoint.arrays import tree_digest
from runner.plan.compile import compile_plan
from runner.run.execution import ExecutionSpec
from runner.train.lora_trainer import LoRATrainer, execute_spec
from schema.spec import Spec

pytestmark = pytest.mark.slow  # whole runs

BLOCK, BATCH = 16, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two small sources, and stores that all runs of this module share."""
    folder = tmp_path_factory.mktemp("trace")
    (folder / "prose").mkdir()
    for number in range(80):
        (folder / "prose" / f"{number}.txt").write_text(f"{number} sheep slept on the hill. " * 4)
    records = [{"prompt": f"{n} + 1 = ", "completion": str(n + 1)} for n in range(300)]
    (folder / "sums.jsonl").write_text("\n".join(map(json.dumps, records)))
    sources = {"prose": {"path": str(folder / "prose")}, "sums": {"path": str(folder / "sums.jsonl")}}
    return {"root": str(folder / "stores"), "sources": sources}


def mixture(rng: random.Random) -> list[dict[str, Any]]:
    prose, sums = {"name": "prose", "style": "PMD"}, {"name": "sums", "style": "PADDED"}
    share = rng.choice([0.5, 0.25, 0.9, 0.333])
    return rng.choice(
        [
            [{**prose, "rate": 1.0}],
            [{**sums, "rate": 1.0}],
            [{**prose, "rate": share}, {**sums, "rate": round(1 - share, 6)}],
        ]
    )


def generate(seed: int, data: dict[str, Any]) -> Spec:
    """A random valid spec of one model: budgets, mixtures, schedules and intervals differ."""
    rng = random.Random(seed)
    stages = {"pre": rng.choice([0, 1, 1, 2, 3]), "post": rng.choice([1, 1, 2])}
    training: dict[str, Any] = {"batch_size": BATCH, "validation_steps": 8, "seed": seed}
    for name, count in stages.items():
        training[f"{name}_lora_tokens"] = [rng.randint(BLOCK * BATCH, 5 * BLOCK * BATCH) for _ in range(count)]
        training[f"{name}_lora_dataset"] = [mixture(rng) for _ in range(count)]
    training["warmup_pct"], training["decay_pct"] = rng.choice([0.0, 0.2, 0.5]), rng.choice([0.0, 0.1, 0.5])
    training["validation"] = rng.choice([True, True, False])
    intervals = {name: rng.choice([1, 2, 3, 7, "never"]) for name in ("checkpoint_interval", "validation_interval")}
    spec = {
        "architecture": {"n_layers": 1, "n_embd": 16, "n_head": 2, "block_size": BLOCK, "vocab_size": 320},
        "data": data,
        "training": training,
        "optimization": {"lr": 1e-3, "lora": {"rank": 2, "lr": rng.choice([None, 5e-3])}},
        "logging": {"report_interval": 1, **intervals},
        "checkpoint": {"keep": 1000},
        "export": {"merged": False, "adapter": False},
    }
    return Spec.model_validate_json(json.dumps(spec))


def trapezoid(steps: int, rate: dict[str, Any]) -> list[float]:
    """The schedule that a plan describes: zero before the first step and after the last, straight between."""
    knots = [-1, rate["warmup_steps"] - 1, steps - rate["decay_steps"] - 1, steps]
    return list(np.interp(range(steps), knots, [0, rate["peak"], rate["peak"], 0]))


def quiet() -> Console:
    return Console(file=StringIO())


def records(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("seed", range(4))
def test_the_trace_of_a_run_is_its_plan(seed: int, data: dict[str, Any], tmp_path: Path) -> None:
    spec = generate(seed, data)
    plan = json.loads(compile_plan(spec, jax.device_count()).to_json())
    execute_spec(ExecutionSpec(spec, tmp_path), quiet())
    written = records(tmp_path)

    train = [record for record in written if record["event"] == "train"]
    assert [record["step"] for record in train] == list(range(1, plan["steps"] + 1))
    assert train[-1]["tokens"] == plan["tokens"]
    for phase in plan["phases"]:
        for number, stage in enumerate(phase["stages"], start=1):
            steps = [r for r in train if stage["first_step"] <= r["step"] <= stage["last_step"]]
            assert {(r["phase"], r["stage"]) for r in steps} == ({(phase["name"], number)} if steps else set())
        rates = [r["learning_rate"] for r in train if r["phase"] == phase["name"]]
        assert rates == pytest.approx(trapezoid(phase["steps"], phase["learning_rate"]), rel=1e-12)
        assert (rates[0], rates[-1]) == (phase["learning_rate"]["first"], phase["learning_rate"]["last"])
        validated = [r["step"] for r in written if r["event"] == "validation" and r["phase"] == phase["name"]]
        assert sorted(set(validated)) == phase["validation_steps"]

    saved = sorted(int(entry.name) for entry in (tmp_path / "checkpoints").iterdir())
    assert saved == sorted(step for phase in plan["phases"] for step in phase["checkpoint_steps"])

    rows: dict[str, int] = {}
    for phase in plan["phases"]:
        for stage in phase["stages"]:
            for entry in stage["mixture"]:
                rows[entry["name"]] = rows.get(entry["name"], 0) + entry["rows"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {name: counts["rows"] for name, counts in summary["datasets"].items()} == {
        n: r for n, r in rows.items() if r
    }


def test_the_frozen_base_is_bitwise_that_of_the_boundary(data: dict[str, Any], tmp_path: Path) -> None:
    spec = generate(1, data)
    trainer = LoRATrainer(ExecutionSpec(spec, tmp_path), quiet())
    execute_spec(trainer.spec, quiet())
    summary = json.loads((tmp_path / "summary.json").read_text())
    trainer.restore_from_path(f"checkpoints/{trainer.plan.steps}")
    assert trainer._in_lora_phase
    assert tree_digest(trainer.state.base_params) == summary["base_digest"] == trainer.progress.base_digest
    assert tree_digest(trainer.state.params) == summary["weights_digest"]
    assert any(leaf.any() for leaf in jax.tree.leaves(trainer.state.params["lora_B"]))
