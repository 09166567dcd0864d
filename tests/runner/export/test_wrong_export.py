"""An export that goes wrong on its way, whatever it is, leaves one sentence and what was there before."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from runner.failure import ExitCode, Failure
from runner.huggingface.tensors import write_json, write_shards
from tests.runner.export.test_export import SHAPES, exported, spec_of, trained, zeros
from tests.runner.tiny_run import random_batch


@pytest.mark.parametrize("where", ["params", "lora_A"])
def test_what_is_not_finite_is_not_exported(where: str, tmp_path: Path) -> None:
    spec = spec_of({})
    _, variables = trained(spec)
    path = ("blocks", "mlp", "up_proj", "kernel")
    tree = variables[where][path[0]][path[1]][path[2]]
    tree[path[3]] = tree[path[3]].at[1, 2, 3].set(jnp.nan)
    with pytest.raises(Failure, match="blocks/mlp/up_proj/kernel is not finite in float32; nothing is exported") as e:
        exported(tmp_path, spec, variables, random_batch(spec, 3)["tokens"])
    assert (e.value.exit_code, list(tmp_path.iterdir())) == (ExitCode.EXPORT, [])


def test_a_full_disk_leaves_the_export_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export/kept").write_text("the one before")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spec = spec_of(SHAPES["rotary"])
    for place in ("tensors.save_file", "tensors.Path.write_text", "tokenizer.write_json"):
        with monkeypatch.context() as patch, pytest.raises(Failure, match="is full: the export takes about") as e:
            patch.setattr(f"runner.huggingface.{place}", full)
            exported(tmp_path, spec, zeros(spec), random_batch(spec, 3)["tokens"])
        assert e.value.exit_code == ExitCode.STORAGE
        assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["export", "export/kept"]


def mistakes() -> dict[str, Callable[[str, Any], Any]]:
    """What the writer of an export could get wrong; each must be found by reading it again."""
    return {
        "not transposed": lambda name, array: array.T.reshape(array.shape) if array.ndim == 2 else array,
        "a layer twice": lambda name, array: array * (0.99 if ".1." in name else 1),
        "zeros": lambda name, array: array * 0,
    }


@pytest.mark.parametrize("mistake", mistakes())
def test_a_wrong_export_is_found_out(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harm = mistakes()[mistake]

    def wrong(folder: Path, tensors: Any, *rest: Any) -> None:
        write_shards(folder, ((name, harm(name, array)) for name, array in tensors), *rest)

    monkeypatch.setattr("runner.huggingface.model.write_shards", wrong)
    spec = spec_of({})
    with pytest.raises(Failure, match="export/merged is not the trained model: logits differ by up to"):
        exported(tmp_path, spec, trained(spec)[1], random_batch(spec, 3)["tokens"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        (
            "config.json",
            {"rope_theta": 9.0, "rope_parameters": {}},
            "export/base is not .*/rope_theta was 9.0, is 10000.0",
        ),
        (
            "adapter_config.json",
            {"lora_alpha": 4.0},
            "export/adapter is not of the trained model: alpha is 8 here and 4 there",
        ),
        ("adapter_config.json", {"target_modules": ["q_proj"]}, "target_modules match q_proj, k_proj, v_proj, o_proj"),
    ],
)
def test_a_config_that_says_another_model_is_found_out(
    file: str, change: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(path: Path, value: Any) -> None:
        write_json(path, {**value, **change} if path.name == file else value)

    for module in ("model", "adapter"):
        monkeypatch.setattr(f"runner.huggingface.{module}.write_json", wrong)
    spec = spec_of({"architecture": {"family": "llama"}, "lora": {"target_modules": ["attn"]}}, merged=False)
    with pytest.raises(Failure, match=says) as e:
        exported(tmp_path, spec, trained(spec)[1], random_batch(spec, 3)["tokens"])
    assert (e.value.exit_code, list(tmp_path.iterdir())) == (ExitCode.EXPORT, [])
