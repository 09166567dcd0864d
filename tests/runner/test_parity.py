"""Whether two models are one: what is measured, where, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runner.data.loader import Batch
from runner.parity import Probe, compare, measure_of, probe_of
from tests.runner.test_export import spec_of, trained
from tests.runner.tiny_run import one_device, random_batch


def batch_of(mask: Any) -> Batch:
    tokens = np.arange(np.size(mask), dtype=np.int32).reshape(np.shape(mask))
    return Batch(tokens, tokens, np.asarray(mask, np.float32), step=1, digest="", ledger={})


def test_supervised_positions_count() -> None:
    mask = [[0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    probe = probe_of(batch_of(mask), 3)
    np.testing.assert_array_equal(probe.mask, mask[:3])
    assert probe.tokens.shape == probe.mask.shape


def test_where_nothing_is_supervised_every_position_counts() -> None:
    assert probe_of(batch_of(np.zeros((2, 3))), 1).mask.sum() == 6


def test_divergence_and_agreement_are_those_of_supervised_positions() -> None:
    spec = spec_of({})
    model, variables = trained(spec)
    tokens = random_batch(spec, 3)["tokens"]
    mask = (np.arange(tokens.shape[1]) < np.arange(1, len(tokens) + 1)[:, None]).astype(np.float32)
    base = {"params": variables["params"]}
    found = compare(measure_of(spec), one_device(), Probe(tokens, mask), variables, base)
    one, two = (np.asarray(model.apply(each, tokens), np.float64) for each in (variables, base))
    log_one, log_two = (each - np.log(np.exp(each).sum(-1, keepdims=True)) for each in (one, two))
    divergence, same = (np.exp(log_one) * (log_one - log_two)).sum(-1), one.argmax(-1) == two.argmax(-1)
    assert found.tokens == mask.sum() < tokens.size
    assert found.kl == pytest.approx(divergence[mask == 1].mean(), rel=1e-3)
    assert found.top1_agreement == pytest.approx(same[mask == 1].mean())
    assert found.max_abs_diff == pytest.approx(np.abs(one - two).max(), rel=1e-3)
    assert abs(found.kl / divergence.mean() - 1) > 0.01
