"""Whether two models are one: what is measured, where, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from runner.data.loader import Batch
from runner.export.parity import Difference, Part, Probe, check_parity, compare, measure_of, probe_of
from runner.failure import Failure
from runner.huggingface.tensors import write_tensors
from schema.sections.export import Export
from tests.runner.export.test_export import exported, spec_of, trained
from tests.runner.tiny_run import one_device, random_batch


def batch_of(mask: Any) -> Batch:
    tokens = np.arange(np.size(mask), dtype=np.int32).reshape(np.shape(mask))
    return Batch(tokens, tokens, np.asarray(mask, np.float32), step=1, digest="", ledger={})


def test_what_follows_the_last_supervised_position_of_a_row_is_padding() -> None:
    probe = probe_of(batch_of([[0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]), 3)
    np.testing.assert_array_equal(probe.real, [[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]])
    assert probe.tokens.shape == probe.real.shape


def test_where_nothing_is_supervised_every_position_counts() -> None:
    assert probe_of(batch_of(np.zeros((2, 3))), 1).real.sum() == 6


def test_divergence_and_agreement_are_those_of_real_positions() -> None:
    spec = spec_of({})
    model, variables = trained(spec)
    tokens = random_batch(spec, 3)["tokens"]
    real = (np.arange(tokens.shape[1]) < np.arange(1, len(tokens) + 1)[:, None]).astype(np.float32)
    base = {"params": variables["params"]}
    found = compare(measure_of(spec), one_device(), Probe(tokens, real), variables, base)
    one, two = (np.asarray(model.apply(each, tokens), np.float64) for each in (variables, base))
    log_one, log_two = (each - np.log(np.exp(each).sum(-1, keepdims=True)) for each in (one, two))
    divergence, same = (np.exp(log_one) * (log_one - log_two)).sum(-1), one.argmax(-1) == two.argmax(-1)
    assert found.tokens == real.sum() < tokens.size
    assert found.kl == pytest.approx(divergence[real == 1].mean(), rel=1e-3)
    assert found.top1_agreement == pytest.approx(same[real == 1].mean())
    assert found.max_abs_diff == pytest.approx(np.abs(one - two).max(), rel=1e-3)
    assert abs(found.kl / divergence.mean() - 1) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-4, 1e-9])
def test_adapters_that_do_next_to_nothing_are_taken_where_every_number_is_there(size: float, tmp_path: Path) -> None:
    for dtype in ("float32", "bfloat16"):
        spec = spec_of({"architecture": {"dtype": {"activation": "bfloat16"}}}, dtype=dtype, merged=dtype == "float32")
        _, variables = trained(spec, size)
        variables["params"] = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), variables["params"])
        report = exported(tmp_path, spec, variables, random_batch(spec, 3)["tokens"])
        assert all(part.difference.is_exact for part in report.parts)


def test_an_exact_export_is_taken_whatever_rounding_makes_of_its_divergence() -> None:
    exact, effect = Difference(96, 1.0, 0.0, 0.0, 1.0), Difference(96, 1.0, 1e-9, -1e-12, 1.0)
    check_parity(Part("adapter", exact, None), effect, Export(dtype="bfloat16"), lambda: False)


@pytest.mark.parametrize(
    ("asked", "agreement", "kl", "remedy"),
    [
        (
            {"gguf": "f16"},
            0.98,
            1e-6,
            "only 98.00 % of the likeliest tokens are the same; remove export/gguf, or accept",
        ),
        ({"gguf": "q8_0"}, 0.8, 1e-6, "only 80.00 % of the likeliest tokens are the same; write export/gguf: f16, or"),
        ({"gguf": "q8_0"}, 1.0, 1e-3, "rounding drowns what the adapters do; write export/gguf: f16, or accept it"),
        ({"gguf": "q8_0"}, 0.98, 1e-6, None),
        ({"gguf": "q8_0", "accept_lossy": True}, 0.8, 1e-3, None),
    ],
)
def test_a_file_for_llama_cpp_is_judged_by_its_own_type(
    asked: dict[str, Any], agreement: float, kl: float, remedy: str | None
) -> None:
    part, effect = Part("gguf", Difference(96, 1.0, 0.1, kl, agreement), None), Difference(96, 1.0, 1.0, 1e-3, 0.5)
    if remedy is None:
        check_parity(part, effect, Export(**asked), lambda: False)
        return
    with pytest.raises(Failure, match=f"rounded to {asked['gguf']}, export/gguf is not the trained model") as refused:
        check_parity(part, effect, Export(**asked), lambda: False)
    assert remedy in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-2, 1e-6])
@pytest.mark.parametrize("kept", [0, 0.5])
def test_adapters_that_are_lost_show_however_little_they_do(
    size: float, kept: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(path: Path, tensors: Any) -> None:
        write_tensors(path, {name: array * (kept if ".lora_B" in name else 1) for name, array in tensors.items()})

    monkeypatch.setattr("runner.huggingface.adapter.write_tensors", lose)
    spec = spec_of({}, merged=False)
    with pytest.raises(Failure, match=r"export/adapter is not the trained model: .* without any adapter"):
        exported(tmp_path, spec, trained(spec, size)[1], random_batch(spec, 3)["tokens"])


def test_merging_that_loses_a_good_part_of_the_adapters_is_refused(tmp_path: Path) -> None:
    spec = spec_of({}, dtype="bfloat16", adapter=False)
    with pytest.raises(Failure, match="rounding drowns what the adapters do"):  # 43 % of the weights stay as they were
        exported(tmp_path, spec, trained(spec, 3e-4)[1], random_batch(spec, 3)["tokens"])
    (part,) = exported(tmp_path, spec, trained(spec, 3e-3)[1], random_batch(spec, 3)["tokens"]).parts
    assert part.unchanged is not None
    assert part.unchanged < 0.1


def test_merging_in_sixteen_bits_is_not_exact_because_adapters_do_little(tmp_path: Path) -> None:
    """Here rounding leaves the base as it is: the logits are the base's, and near the trained model's."""
    spec = spec_of({"architecture": {"dtype": {"activation": "bfloat16"}}}, dtype="bfloat16", adapter=False)
    _, variables = trained(spec, 1e-7)
    variables["params"] = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), variables["params"])
    with pytest.raises(Failure, match="rounding drowns what the adapters do"):
        exported(tmp_path, spec, variables, random_batch(spec, 3)["tokens"])
