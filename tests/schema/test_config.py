"""Views are hydrated from the spec and hold no default of their own; the public names are loaded lazily."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, fields
from pathlib import Path

import pytest

import schema
from schema import LoRAConfig, LoRATrainerConfig, Spec, configure, field


def test_a_view_holds_the_values_of_its_keys_defaults_included() -> None:
    spec = Spec.model_validate({"optimization": {"lora": {"rank": 4}}})
    assert configure(LoRAConfig, spec) == LoRAConfig(rank=4, alpha=16.0, target_modules=["kernel"])


def test_the_trainer_view_has_every_key_flat() -> None:
    view = configure(LoRATrainerConfig, Spec())
    assert (view.batch_size, view.total_tokens, view.lr, view.block_size) == (512, 1_000_000_000, 3e-4, 512)
    assert (view.pre_lora_tokens, view.post_lora_tokens) == ([1_000_000_000], [100_000_000])
    assert view.post_lora_dataset[0][0].name == "fineweb"
    with pytest.raises(FrozenInstanceError):
        view.lr = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("view", [LoRAConfig, LoRATrainerConfig])
def test_no_public_view_can_be_built_without_its_values(view: type) -> None:
    with pytest.raises(TypeError):
        view()
    assert all(declared.metadata["key"] for declared in fields(view))


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
    class Keyless:
        rank: int

    with pytest.raises(TypeError, match="names no key"):
        configure(Keyless, Spec())
    with pytest.raises(TypeError, match=r"Defaulted\.rank"):
        configure(Defaulted, Spec())
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
    code = "import sys, schema; schema.lint_text('a: 1'); print({'pydantic', 'rich', 'difflib'} & {*sys.modules})"
    root = Path(schema.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
