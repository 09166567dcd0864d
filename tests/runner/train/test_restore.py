"""A run is restored, or another one started from its weights, from either kind of checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from runner.checkpoint.manifest import Manifest
from runner.checkpoint.save import Checkpoints
from runner.commands.guide.shapes import SHAPES
from runner.data.catalog import open_catalog
from runner.data.stores.display import Silent
from runner.lora.adapters import merge_lora_params
from runner.plan.compile import compile_plan
from runner.run.execution import ExecutionSpec
from runner.state import abstract_full_state
from runner.train.compiled import compile_phase
from runner.train.evaluate import validation_losses
from runner.train.lora_trainer import LoRATrainer
from runner.train.start import first_state
from runner.train.trainer import saved_part
from runner.weights import WeightSource, find_weights
from schema.lint import load_spec
from tests.runner.workplace import fill, lorarun

FULL, LORA = "checkpoints/2", "checkpoints/4"
RESTAMPED = {"stores/tales/meta.json"}  # of a store that was copied: its files have new times
NO_FULL = ("--set", "training/pre_lora_tokens=[]", "--set", "training/pre_lora_dataset=[]")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with a finished run in `old`, and the states that it saved, as arrays of the host, by checkpoint."""
    folder = tmp_path_factory.mktemp("finished")
    fill(folder)
    saved: dict[str, Any] = {}
    save = Checkpoints.save

    def note(self: Checkpoints, state: Any, manifest: Manifest) -> None:
        saved[f"checkpoints/{manifest.progress.step}"] = jax.tree.map(np.array, jax.device_get(state))
        save(self, state, manifest)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(Checkpoints, "save", note)
        done = lorarun(folder, "exec", "spec.yaml", "--run-dir", "old")
    assert done.exit_code == 0, done.stderr
    return folder, saved


@pytest.fixture
def here(finished: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of that folder, which is the working directory."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trainer(run_dir: str = "old", restore: str | None = None) -> LoRATrainer:
    execution = ExecutionSpec(load_spec("spec.yaml"), Path(run_dir), Path(restore) if restore else None)
    return LoRATrainer(execution, Console(file=StringIO()))


def weights_of(start: Path, new: LoRATrainer) -> Any:
    """The parameters that a run starts from, on its mesh."""
    source = find_weights(start)
    assert source is not None
    return source.load(abstract_full_state(new.model, new.spec.spec, new.mesh).params)


def leaves(tree: Any) -> dict[str, np.ndarray]:
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree.leaves_with_path(tree)}


def assert_equal(one: Any, other: Any) -> None:
    """Two trees have the same paths, types and bits."""
    one, other = leaves(one), leaves(other)
    assert one.keys() == other.keys()
    for path, leaf in one.items():
        assert leaf.dtype == other[path].dtype, path
        assert leaf.tobytes() == other[path].tobytes(), path


def summary(run_dir: str) -> dict[str, Any]:
    return json.loads((Path(run_dir) / "summary.json").read_text())


@pytest.mark.parametrize(("checkpoint", "in_lora_phase", "rows"), [(FULL, False, 8), (LORA, True, 16)])
def test_a_checkpoint_is_restored_bit_for_bit(
    checkpoint: str, in_lora_phase: bool, rows: int, here: Path, finished: tuple[Path, dict[str, Any]]
) -> None:
    restored = trainer()
    restored.restore_from_path(checkpoint)
    state = restored.state
    assert_equal({"params": state.params, "opt_state": state.opt_state, "step": state.step}, finished[1][checkpoint])
    assert restored._in_lora_phase is in_lora_phase
    assert f"checkpoints/{restored.progress.step}" == checkpoint
    assert restored.progress.ledger.counts["tales"].rows == rows
    assert (restored.progress.base_digest is not None) is in_lora_phase


@pytest.mark.parametrize("checkpoint", [FULL, LORA])
def test_a_checkpoint_of_another_run_is_restored_with_the_base_of_that_run(
    checkpoint: str, here: Path, finished: tuple[Path, dict[str, Any]]
) -> None:
    (here / "new").mkdir()
    own, other = trainer(), trainer("new")
    own.restore_from_path(checkpoint)
    other.restore_from_path(f"../old/{checkpoint}")
    assert_equal(saved_part(other.state), finished[1][checkpoint])
    if checkpoint == LORA:
        assert_equal(other.state.base_params, own.state.base_params)


def test_a_restored_state_lies_where_a_first_one_does(here: Path) -> None:
    restored = trainer()
    restored.restore_from_path(LORA)
    placed = jax.tree.map(lambda leaf: leaf.sharding, restored.state)
    assert jax.tree.all(jax.tree.map(lambda one, other: one == other, placed, restored.state_sharding))


def unfinish(here: Path) -> None:
    """Leave of the run what there was at the boundary."""
    shutil.rmtree(here / "old" / LORA)
    (here / "old" / "summary.json").unlink()


def test_a_run_resumed_at_the_boundary_ends_as_before(here: Path) -> None:
    before = summary("old")
    unfinish(here)
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "old")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(", ")[:3] for line in lines[:2]] == [
        ["plan: phase full", "steps 1 to 2 in 1 stage", "256 tokens"],
        ["plan: phase lora", "steps 3 to 4 in 1 stage", "256 tokens"],
    ]
    assert "resuming old after step 2 of 4" in lines
    assert summary("old") == before


def test_a_finished_run_says_so_and_changes_nothing(here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "old")
    assert (done.exit_code, done.stderr, done.changed) == (0, "", set())
    assert done.stdout.startswith("old is finished; nothing is left to do\ndone: 4 steps, 512 tokens\n")
    asked = lorarun(here, "exec", "spec.yaml", "--run-dir", "old", "--format", "json")
    found = json.loads(asked.stdout)
    assert [*found] == ["version", *SHAPES["exec"]]
    assert (found["run_dir"], found["summary"]["steps"]) == ("old", 4)
    assert asked.stderr == done.stdout


def test_a_run_that_starts_from_phase_full_has_its_weights(here: Path, finished: tuple[Path, dict[str, Any]]) -> None:
    new = trainer("new", restore=f"old/{FULL}")
    assert_equal(weights_of(Path("old") / FULL, new), finished[1][FULL]["params"])


def test_a_run_that_starts_from_phase_lora_has_its_adapters_merged(here: Path) -> None:
    new, old = trainer("new", restore="old"), trainer()
    old.restore_from_path(LORA)
    lora = old.spec.spec.optimization.lora
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), old.state.base_params)
    merged = merge_lora_params(wide, **old.state.params, alpha=lora.alpha, rank=lora.rank)
    weights = leaves(weights_of(Path("old"), new))
    assert any(np.any(weights[path] != leaf) for path, leaf in leaves(wide).items())
    for path, leaf in leaves(merged).items():
        np.testing.assert_allclose(weights[path], leaf, rtol=1e-6, atol=1e-7, err_msg=path)


@pytest.mark.parametrize(("start", "phase"), [(f"old/{FULL}", "full"), ("old", "lora")])
def test_a_run_begins_with_the_validation_loss_that_the_old_one_ended_with(start: str, phase: str, here: Path) -> None:
    new = trainer("new", restore=start)
    spec = new.spec.spec
    state, _ = first_state(new.model, spec, new.mesh, find_weights(Path(start)), trains_all=True)
    rows = open_catalog(spec, new.plan, Silent()).validation
    compiled = compile_phase(spec, new.mesh, state, spec.training.per_device_batch_size)
    loss, _ = validation_losses(compiled, state, new.mesh, rows, spec.training.validation_steps)["tales"]
    assert loss == pytest.approx(summary("old")["phases"][phase]["validation_loss"]["tales"], rel=1e-5)


@pytest.mark.parametrize("start", [FULL, LORA])
def test_a_run_that_starts_from_another_takes_the_steps_of_its_own_plan(
    start: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    begin = LoRATrainer.begin

    def note(self: LoRATrainer, source: WeightSource | None) -> None:
        begin(self, source)
        begun.append(jax.tree.map(np.array, jax.device_get(self.state.params)))

    monkeypatch.setattr(LoRATrainer, "begin", note)
    budgets = ("training/pre_lora_tokens=[384]", "training/post_lora_tokens=[128]")  # 3 steps and 1, there 2 and 2
    command = ("exec", "spec.yaml", "--run-dir", "new", "--restore", f"old/{start}", *(f"--set={b}" for b in budgets))
    done = lorarun(here, *command)
    assert done.exit_code == 0, done.stderr
    assert {path.partition("/")[0] for path in done.changed - RESTAMPED} == {"new"}
    new, plan = trainer("new", restore=f"old/{start}"), compile_plan(load_spec("spec.yaml", budgets))
    assert_equal(begun[0], weights_of(Path("old") / start, new))
    assert steps_of("new") == [
        (step, phase.name, phase.learning_rate_at(step))
        for phase, steps in zip(plan.phases, ([1, 2, 3], [4]), strict=True)
        for step in steps
    ]
    assert summary("new")["datasets"]["tales"]["rows"] == 16
    assert "new is finished; nothing is left to do" in lorarun(here, *command).stdout


def steps_of(run_dir: str) -> list[tuple[int, str, float]]:
    records = map(json.loads, (Path(run_dir) / "metrics.jsonl").read_text().splitlines())
    return [(each["step"], each["phase"], each["learning_rate"]) for each in records if each["event"] == "train"]


def test_adapters_alone_are_trained_on_a_restored_base_however_it_is_named(here: Path) -> None:
    start = f"old/{FULL}"
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "a", *NO_FULL, "--restore", start)
    assert done.exit_code == 0, done.stderr
    assert f"\nstarting a from {start}\n" in f"\n{done.stdout}"
    key = f"architecture/pretrained={start}"
    assert lorarun(here, "exec", "spec.yaml", "--run-dir", "b", *NO_FULL, "--set", key).exit_code == 0
    assert summary("a") == summary("b")
    assert summary("a")["base_digest"] == summary("old")["base_digest"]
    assert summary("a")["steps"] == 2
    assert [path.name for path in (here / "a" / "checkpoints").iterdir()] == ["2"]


def test_adapters_alone_need_a_starting_point(here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "new", *NO_FULL)
    assert (done.exit_code, done.changed) == (2, set())
    assert "phase full is empty, and nothing says which weights the adapters start from" in done.stderr


def test_a_run_resumed_from_another_start_is_refused(here: Path) -> None:
    done = lorarun(here, "exec", "spec.yaml", "--run-dir", "old", "--restore", f"old/{FULL}")
    assert (done.exit_code, done.changed) == (78, set())
    assert f'starting_point was null, is "{here / "old" / FULL}"' in done.stderr
