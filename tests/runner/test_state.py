"""The state of an optimizer is what `schema.optimizers` declares: its arrays, their bytes, where they are split."""

from __future__ import annotations

from math import prod
from typing import Any, Literal, get_args

import jax
import pytest
from jax.sharding import AbstractMesh

from runner.lora.state import abstract_lora_state
from runner.state import abstract_full_state
from schema.budget.bytes import checkpoint_bytes, state_bytes
from schema.optimizers import Slot
from schema.optimizers.adafactor import slots as adafactor
from schema.sections.optimization import Optimizer
from schema.spec import Spec
from tests.runner.tiny_run import make_spec, model_of

KINDS = get_args(Optimizer)
KEYS: list[dict[str, str]] = [{"optimizer": "adafactor"}, {"optimizer": "adamw"}]
MUON = "1/inner_states/muon/inner_state/0"  # 0 is clipping, and 1 the kind's own part
PHASES: list[Literal["full", "lora"]] = ["full", "lora"]


def spec_of(kind: str, dtype: str = "float32") -> Spec:
    """A spec of which both phases have one optimizer; adapters of rank 4 are not factored, the rest is."""
    return make_spec(
        architecture={"vocab_size": 64, "n_kv_head": 2, "dtype": {"param": dtype, "activation": dtype}},
        optimization={"optimizer": kind, "adafactor": {"min_dim_size_to_factor": 16}},
        lora={"optimizer": kind, "target_modules": ["kernel", "wte"]},
    )


def abstract_state(spec: Spec, phase: str, *axes: int) -> Any:
    mesh = AbstractMesh(axes, ("data", "fsdp", "tensor"))
    born: Any = abstract_full_state if phase == "full" else abstract_lora_state
    return born(model_of(spec), spec, mesh)


def bytes_on_one_device(tree: Any) -> int:
    return sum(prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axes", [(1, 1, 1), (2, 2, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_bytes_of_the_budget_are_those_of_the_state(
    kind: str, phase: Literal["full", "lora"], axes: tuple[int, int, int], dtype: str
) -> None:
    spec = spec_of(kind, dtype)
    state = abstract_state(spec, phase, *axes)
    parts = state_bytes(
        spec.architecture, spec.optimization, dict(zip(("data", "fsdp", "tensor"), axes, strict=True)), phase
    )
    assert bytes_on_one_device(state.opt_state) == parts["optimizer"]
    assert bytes_on_one_device(state.params) == parts["parameters"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_of_a_checkpoint_are_those_of_what_is_trained_and_its_optimizer(
    kind: str, phase: Literal["full", "lora"]
) -> None:
    spec = spec_of(kind)
    state = abstract_state(spec, phase, 1, 1, 1)
    held = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves((state.params, state.opt_state)))
    assert held == checkpoint_bytes(spec.architecture, spec.optimization, phase)


@pytest.mark.parametrize(
    ("kind", "phase", "path", "shape", "part"),
    [
        ("adamw", "full", "1/nu/blocks/mlp/up_proj/kernel", (2, 32, 128), (2, 16, 64)),
        ("muon", "full", f"{MUON}/mu/blocks/mlp/up_proj/kernel", (2, 32, 128), (2, 16, 64)),
        ("muon", "full", "1/inner_states/adamw/inner_state/nu/lm_head/kernel", (32, 64), (16, 32)),
        ("muon", "lora", f"{MUON}/mu/lora_B/blocks/mlp/up_proj/kernel", (2, 4, 128), (2, 4, 64)),
        ("adafactor", "full", "1/v_row/blocks/mlp/up_proj/kernel", (2, 32), (2, 16)),
        ("adafactor", "full", "1/v_col/blocks/mlp/up_proj/kernel", (2, 128), (2, 64)),
        ("adafactor", "full", "1/v_row/wte/embedding", (64,), (32,)),
        ("adafactor", "full", "1/v/blocks/mlp/up_proj/bias", (2, 128), (2, 64)),
        ("adafactor", "lora", "1/v/lora_A/blocks/mlp/up_proj/kernel", (2, 32, 4), (2, 16, 4)),
    ],
)  # fmt: skip
def test_a_slot_is_split_as_the_dimensions_that_it_keeps_of_its_parameter(
    kind: str, phase: str, path: str, shape: tuple[int, ...], part: tuple[int, ...]
) -> None:
    state = abstract_state(spec_of(kind), phase, 2, 2, 2)
    found = {
        jax.tree_util.keystr(names, simple=True, separator="/"): leaf
        for names, leaf in jax.tree_util.tree_leaves_with_path(state.opt_state)
    }
    assert found[path].shape == shape
    assert found[path].sharding.shard_shape(shape) == part


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ((Slot("steps", (2,), ("layers",), "int32"),), r"1/steps of the optimizer is int32\(\), declared as"),
        ((), r"the optimizer holds \d+ arrays, and \d+ slots are declared"),
    ],
    ids=["shape", "number"],
)
def test_a_state_that_is_not_as_declared_is_not_born(
    shared: tuple[Slot, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adafactor, "SHARED", shared)
    with pytest.raises(ValueError, match=message):
        abstract_state(spec_of("adafactor"), "full", 1, 1, 1)


def test_phase_lora_has_adamw_whatever_phase_full_has() -> None:
    factored, plain = (abstract_state(make_spec(optimization=each), "lora", 1, 1, 1).opt_state for each in KEYS)
    assert jax.tree.structure(factored) == jax.tree.structure(plain)
