"""Facts of a family: one table of names for both directions, and one place that everyone asks."""

from __future__ import annotations

import sys
from itertools import product
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from runner.plan.compile import compile_plan
from schema.families import Options, adapted, is_matrix, load_family, matches, parameters
from schema.families import gpt as gpt_facts
from schema.spec import Spec

SHAPE = {"n_layers": 2, "n_embd": 12, "n_head": 2, "vocab_size": 320, "block_size": 16}
OPTIONS = [
    {"rope": rope, "bias": bias, "tie_embeddings": tie, "n_kv_head": kv}
    for rope, bias, tie, kv in product((True, False), (True, False), (True, False), (None, 1))
]
OPTIONS += [
    {"family": family, "attention_bias": bias, "tie_embeddings": tie, "n_kv_head": 1, "head_dim": 8}
    for family, bias, tie in product(("llama", "qwen3"), (True, False), (True, False))
]


def spec_of(**architecture: Any) -> Spec:
    return Spec.model_validate({"architecture": SHAPE | architecture})


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_parameter_has_a_tensor_of_its_own_and_the_tensor_names_the_parameter(options: dict[str, Any]) -> None:
    architecture = spec_of(**options).architecture
    names = load_family(architecture.family).hugging_face(architecture)
    places = [
        (parameter.path, layer)
        for parameter in parameters(architecture)
        for layer in (range(2) if parameter.role == "blocks" else (None,))
    ]
    tensors = [names.name_to_hf(*place) for place in places]
    assert len(set(tensors)) == len(places)
    assert [names.name_from_hf(tensor) for tensor in tensors] == places


@pytest.mark.parametrize("name", ["model.layers.x.mlp.c_fc.weight", "model.norm.inv_freq", "norm.weight", ""])
def test_a_tensor_of_another_class_has_no_parameter(name: str) -> None:
    assert load_family("gpt").hugging_face(spec_of().architecture).name_from_hf(name) is None


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_all_linear_is_every_matrix_but_tables_and_the_output_head(options: dict[str, Any]) -> None:
    every = parameters(spec_of(**options).architecture)
    wanted = [parameter.path for parameter in every if parameter.role == "blocks" and parameter.matrix]
    assert [parameter.path for parameter in adapted(every, ["all-linear"])] == wanted
    assert [parameter.path for parameter in every if matches(parameter.path, ["all-linear"])] == wanted
    assert {"wte/embedding"} == {each.path for each in adapted(every, ["all-linear", "wte"])} - set(wanted)


def test_all_linear_may_stand_without_a_list_in_a_spec_and_in_python() -> None:
    for targets in ("all-linear", ["all-linear"]):
        spec = Spec.model_validate({"optimization": {"lora": {"target_modules": targets}}})
        assert spec.optimization.lora.target_modules == ["all-linear"]
    with pytest.raises(ValueError, match="list"):
        Spec.model_validate({"optimization": {"lora": {"target_modules": "attn"}}})


def test_roles_are_read_from_the_axes() -> None:
    roles = {each.path: each.role for each in parameters(spec_of(rope=False).architecture)}
    assert {path: role for path, role in roles.items() if not path.startswith("blocks/")} == {
        "wte/embedding": "embedding",
        "wpe/embedding": "positions",
        "final_norm/scale": "norm",
        "final_norm/bias": "norm",
        "lm_head/kernel": "head",
    }
    assert {role for path, role in roles.items() if path.startswith("blocks/")} == {"blocks"}


def test_a_target_is_any_part_of_a_path_and_vectors_are_no_matrices() -> None:
    path = "blocks/attn/q_proj/kernel"
    assert matches(path, ["mlp", "q_proj/k"])
    assert not matches(path, ["mlp"])
    assert not matches(path, [])
    assert [is_matrix(each) for each in (path, "wte/embedding", "blocks/attn/q_proj/bias", "final_norm/scale")] == [
        *(True, True),
        *(False, False),
    ]


def test_the_plan_asks_the_family_that_the_architecture_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that is registered for this test: gpt with one matrix more in each block."""

    def gated(architecture: Any) -> Options:
        return gpt_facts.options(architecture)._replace(feed_forward="swiglu")

    toy = ModuleType("schema.families.toy")
    vars(toy).update({name: value for name, value in vars(gpt_facts).items() if not name.startswith("__")})
    vars(toy).update(options=gated, hugging_face=lambda _: SimpleNamespace(size=lambda each: each.size))
    monkeypatch.setitem(sys.modules, "schema.families.toy", toy)
    training = {"pre_lora_tokens": [1_000_000], "post_lora_tokens": [1_000_000], "batch_size": 8}
    lora = {"optimization": {"lora": {"target_modules": ["gate_proj"]}}, "export": {"adapter": False, "merged": True}}
    spec = Spec.model_validate({"architecture": SHAPE, "training": training, **lora})
    named = spec.architecture.model_copy(update={"family": "toy"})
    plan = compile_plan(spec.model_copy(update={"architecture": named}))
    assert [adapter.path for adapter in plan.adapters] == ["blocks/mlp/gate_proj/kernel"]
    before = compile_plan(spec).phases[0].trainable_parameters
    assert plan.phases[0].trainable_parameters == before + 2 * (12 * 48 + 48)
    assert plan.export.bytes == 4 * plan.phases[0].trainable_parameters
