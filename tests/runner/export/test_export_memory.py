"""What the proof of an export puts on the devices beside the trained model, and what it says where that is too much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from runner.failure import ExitCode, Failure
from tests.runner.export.test_export import exported, spec_of, trained
from tests.runner.tiny_run import random_batch

NARROW = {"architecture": {"rope": False, "dtype": {"activation": "bfloat16"}}, "lora": {"target_modules": ["attn"]}}


@pytest.mark.parametrize(
    ("export", "types"),
    [
        ({"merged": False}, set()),
        ({"merged": True, "adapter": False}, {"float32"}),
        ({"merged": True, "dtype": "bfloat16", "accept_lossy": True}, {"bfloat16"}),
    ],
)
def test_what_is_read_back_as_it_is_there_takes_no_room_again(
    export: dict[str, Any], types: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(NARROW, **export)
    _, variables = trained(spec)
    variables["params"] = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), variables["params"])
    put: list[Any] = []
    device_put = jax.device_put

    def noted(array: Any, place: Any) -> Any:
        if not isinstance(array, list):  # which a batch is, on its way to the devices
            put.append(array)
        return device_put(array, place)

    monkeypatch.setattr("runner.export.export.jax.device_put", noted)
    exported(tmp_path, spec, variables, random_batch(spec, 3)["tokens"])
    assert {str(array.dtype) for array in put} == types
    assert len(put) == (4 if types else 0)  # the kernels of queries, keys, values and outputs


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_devices_without_room_for_the_proof_are_told_in_one_sentence(
    dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")

    monkeypatch.setattr("runner.export.export.compare", full)
    spec = spec_of({}, dtype=dtype)
    with pytest.raises(Failure, match="no room to compare the export with the trained model") as e:
        exported(tmp_path, spec, trained(spec)[1], random_batch(spec, 3)["tokens"])
    assert (e.value.exit_code, list(tmp_path.iterdir())) == (ExitCode.EXPORT, [])
    assert ("write export/dtype: bfloat16" in str(e.value)) == (dtype == "float32")
    assert "write export/merged: false" in str(e.value)
