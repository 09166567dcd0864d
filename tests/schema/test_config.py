"""Views are hydrated from the spec and declare no default of their own; the public names are loaded lazily."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, fields
from pathlib import Path

import pytest

import schema
import schema.config
from schema import LoRAConfig, LoRATrainerConfig, Spec, configure, field

NAMES = {
    *("batch_size", "per_device_batch_size", "total_tokens", "lr", "warmup_pct", "decay_pct", "validate", "evaluate"),
    *("datasets", "evaluations", "block_size", "report_interval", "checkpoint_interval", "validation_interval"),
    *("validation_steps", "wandb", "pre_lora_tokens", "pre_lora_datasets", "post_lora_tokens", "post_lora_datasets"),
}


def test_a_view_holds_the_values_of_its_keys_defaults_included() -> None:
    spec = Spec.model_validate({"optimization": {"lora": {"rank": 4}}})
    assert configure(LoRAConfig, spec) == LoRAConfig(rank=4, alpha=16.0, target_modules=["kernel"])


def test_the_trainer_view_has_every_key_flat() -> None:
    view = configure(LoRATrainerConfig, Spec())
    assert (view.batch_size, view.total_tokens, view.lr, view.block_size) == (512, 1_000_000_000, 3e-4, 512)
    assert (view.pre_lora_tokens, view.post_lora_tokens) == ([1_000_000_000], [100_000_000])
    assert view.post_lora_datasets[0][0].name == "fineweb"
    with pytest.raises(FrozenInstanceError):
        view.lr = 1.0  # type: ignore[misc]


def test_the_trainer_view_has_exactly_the_agreed_attributes() -> None:
    assert {declared.name for declared in fields(LoRATrainerConfig)} == NAMES
    assert {declared.name for declared in fields(LoRAConfig)} == {"rank", "alpha", "target_modules"}


@pytest.mark.parametrize("view", [LoRAConfig, LoRATrainerConfig])
def test_a_view_without_arguments_holds_the_defaults_of_the_sections(view: type) -> None:
    assert view() == configure(view, Spec())
    assert all(declared.metadata["key"] for declared in fields(view))


def test_two_views_share_no_list() -> None:
    LoRATrainerConfig().pre_lora_tokens.append(1)
    assert LoRATrainerConfig().pre_lora_tokens == [1_000_000_000]


def test_one_attribute_may_be_given_and_the_others_keep_their_defaults() -> None:
    assert LoRAConfig(rank=4) == configure(LoRAConfig, Spec.model_validate({"optimization": {"lora": {"rank": 4}}}))


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    @dataclass(frozen=True)
    class View:
        rank: int = field("optimization/lora/rnk")

    with pytest.raises(KeyError, match=r"optimization/lora/rnk.*did you mean 'optimization/lora/rank'"):
        configure(View, Spec())


def test_a_default_of_its_own_and_a_field_without_key_are_refused() -> None:
    @dataclass
    class Defaulted:
        rank: int = 8

    @dataclass
    class Replaced:
        rank: int = dataclasses.field(default=8, metadata={schema.config.KEY: "optimization/lora/rank"})

    @dataclass
    class Keyless:
        rank: int

    with pytest.raises(TypeError, match="names no key"):
        configure(Keyless, Spec())
    with pytest.raises(TypeError, match=r"Defaulted\.rank"):
        configure(Defaulted, Spec())
    with pytest.raises(TypeError, match=r"Replaced\.rank has a default of its own"):
        configure(Replaced, Spec())
    with pytest.raises(TypeError, match="not a dataclass"):
        configure(int, Spec())


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(schema.__all__) == schema.__all__
    assert dir(schema) == schema.__all__
    for name in schema.__all__:
        assert getattr(schema, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'rank'"):
        _ = schema.rank


def test_linting_loads_neither_pydantic_nor_rich() -> None:
    code = (
        "import sys, schema; schema.lint_text('a: 1'); schema.LoRATrainerConfig; "
        "print({'pydantic', 'rich', 'difflib'} & {*sys.modules})"
    )
    root = Path(schema.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
