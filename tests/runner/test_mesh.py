"""Meshes and placement; `eight_devices.py` runs what needs eight devices in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import pytest

from runner.failure import ExitCode, Failure
from runner.mesh import batch_devices, build_mesh, enable_compilation_cache
from schema.budget.bytes import state_bytes
from schema.budget.mesh import parts_of
from schema.families import Parameter, architecture_of
from schema.sections.architecture import Architecture
from schema.sections.mesh import Mesh
from schema.sections.optimization import Optimization
from tests.runner.eight_devices import CONFIG
from tests.runner.interrupted_run import eight_devices


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `eight_devices.py` found."""
    folder = tmp_path_factory.mktemp("eight")
    command = [sys.executable, "-m", "tests.runner.eight_devices"]
    # The compiler says nothing of a program that it finds compiled.
    environment = {**eight_devices(folder), "JAX_ENABLE_COMPILATION_CACHE": "false"}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout) | {"stderr": done.stderr}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["full", "lora"])
def test_losses_on_eight_devices_are_those_on_one(eight: dict[str, Any], phase: str) -> None:
    assert len(eight[phase]["eight"]) == 8
    assert eight[phase]["eight"] == pytest.approx(eight[phase]["one"], rel=1e-4)
    assert eight[phase]["eight"][-1] != eight[phase]["eight"][0]


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["full", "lora"])
def test_optimizer_buffers_lie_where_their_parameters_do(eight: dict[str, Any], phase: str) -> None:
    assert eight[phase]["buffers"] == {"mu": eight[phase]["params"], "nu": eight[phase]["params"]}


@pytest.mark.slow
def test_adapters_are_split_as_their_kernels_are(eight: dict[str, Any]) -> None:
    full, lora = eight["full"]["params"], eight["lora"]["params"]
    assert full["blocks/attn/q_proj/kernel"] == "P(None, 'fsdp', 'tensor')"
    assert lora["lora_A/blocks/attn/q_proj/kernel"] == "P(None, 'fsdp', None)"
    assert lora["lora_B/blocks/attn/q_proj/kernel"] == "P(None, None, 'tensor')"
    assert lora["lora_A/blocks/mlp/down_proj/kernel"] == "P(None, 'tensor', None)"
    assert lora["lora_A/wte/embedding"] == "P('tensor', None)"
    assert eight["lora"]["base"] == full


@pytest.mark.slow
def test_no_device_holds_more_than_its_part(eight: dict[str, Any]) -> None:
    assert eight["full"]["parts"]["blocks/mlp/up_proj/kernel"] == [2, 16, 64]  # of (2, 32, 128) on 2 × 2
    assert eight["lora"]["parts"]["lora_A/blocks/mlp/up_proj/kernel"] == [2, 16, 4]


@pytest.mark.slow
def test_the_compiler_moves_no_activation_whole(eight: dict[str, Any]) -> None:
    assert "rematerialization" not in eight["stderr"]


@pytest.mark.slow
def test_initial_weights_do_not_depend_on_the_mesh(eight: dict[str, Any]) -> None:
    assert eight["same_start"]


@pytest.mark.slow
def test_pretrained_weights_are_the_same_on_every_mesh_and_each_device_holds_its_part(eight: dict[str, Any]) -> None:
    assert eight["same_weights"]
    assert eight["weights"] == eight["full"]["params"]
    architecture, mesh = Architecture.model_validate(architecture_of(CONFIG)), {"data": 2, "fsdp": 2, "tensor": 2}
    held = state_bytes(architecture, Optimization(), mesh, "full")
    assert set(eight["device_bytes"].values()) == {held["parameters"]}


@pytest.mark.slow
def test_a_dimension_that_the_mesh_does_not_divide_stays_whole(eight: dict[str, Any]) -> None:
    assert eight["odd_vocabulary"] == "P(None, 'fsdp')"


def test_the_planner_splits_what_the_mesh_splits() -> None:
    embedding = Parameter("wte/embedding", (320, 128), ("vocab", "embed"))
    for mesh, parts in [
        ({"data": 1, "fsdp": 1, "tensor": 3}, 1),
        ({"data": 1, "fsdp": 2, "tensor": 3}, 2),
        ({"data": 4, "fsdp": 2, "tensor": 2}, 4),
        ({"data": 1, "fsdp": 3, "tensor": 5}, 5),
    ]:
        assert parts_of(embedding.axes, embedding.shape, mesh) == parts


def test_a_mesh_that_does_not_fit_is_refused_naming_both_numbers() -> None:
    devices = jax.device_count()
    with pytest.raises(Failure, match=rf"{devices + 2} devices, and there are {devices}") as caught:
        build_mesh(Mesh(data=devices + 2))
    assert caught.value.exit_code == ExitCode.INVALID
    assert batch_devices(build_mesh(Mesh())) == devices


def test_the_compilation_cache_is_set_unless_the_user_chose_one(tmp_path: Path) -> None:
    names = [
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    ]
    before = {name: getattr(jax.config, name) for name in names}
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        enable_compilation_cache(tmp_path / "ours")
        assert [getattr(jax.config, name) for name in names] == [str(tmp_path / "ours"), 0.0, -1]
        enable_compilation_cache(tmp_path / "second")
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "ours")
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
