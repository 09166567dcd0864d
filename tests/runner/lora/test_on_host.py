"""Weights come to the host a layer at a time, merged as everywhere else."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from runner.lora.adapters import merge_lora_params
from runner.lora.on_host import HostWeights
from tests.runner.export.test_export import spec_of, trained


@pytest.mark.parametrize(("activation", "scaling"), [("float32", "standard"), ("bfloat16", "rslora")])
def test_a_layer_is_what_merging_the_whole_tree_gives_but_for_float32_rounding(activation: str, scaling: str) -> None:
    architecture = {"n_layers": 3, "rope": False, "dtype": {"activation": activation}}
    spec = spec_of({"architecture": architecture, "lora": {"target_modules": ["e"], "scaling": scaling, "alpha": 3.5}})
    lora, (_, variables) = spec.optimization.lora, trained(spec)
    weights = HostWeights(variables, lora, "float32")
    wide = jax.tree.map(lambda leaf: leaf.astype("float32"), variables["params"])
    merged = merge_lora_params(
        wide, variables["lora_A"], variables["lora_B"], alpha=lora.alpha, rank=lora.rank, scaling=lora.scaling
    )
    for keys, leaf in jax.tree.leaves_with_path(merged):
        path = jax.tree_util.keystr(keys, simple=True, separator="/")
        for layer in range(3) if path.startswith("blocks") else (None,):
            wanted = leaf if layer is None else leaf[layer]
            np.testing.assert_allclose(weights.merged(path, layer), wanted, rtol=1e-6, atol=1e-7)
    assert weights.unchanged() == pytest.approx(0, abs=0.01)


def test_no_more_than_one_layer_is_copied_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of({"architecture": {"n_layers": 3}})
    _, variables = trained(spec)
    copied, get = [], jax.device_get
    monkeypatch.setattr(jax, "device_get", lambda array: copied.append(array.nbytes) or get(array))
    kernel = variables["params"]["blocks"]["mlp"]["up_proj"]["kernel"]
    HostWeights(variables, spec.optimization.lora, "float32").merged("blocks/mlp/up_proj/kernel", 2)
    assert max(copied) == kernel.nbytes // 3
