"""Rows that a device takes at once: divisors of its share, as asked or as many as fit."""

from __future__ import annotations

from typing import Any

import pytest

from schema.budget.bytes import WHOLE, state_bytes
from schema.budget.micro_batch import largest_divisor, micro_batch_rows
from schema.lint import accepted, lint_text
from schema.sections.optimization import Lora, Optimization

SPEC = """\
architecture: {n_layers: 2, n_embd: 64, n_head: 2, block_size: 32, vocab_size: 320}
tokenizer: {backend: byte}
training: {batch_size: 96, per_device_batch_size: PER_DEVICE}
"""


def spec_of(per_device: int, *overrides: str) -> Any:
    return accepted(lint_text(SPEC.replace("PER_DEVICE", str(per_device)), "spec.yaml", overrides))


def rows(per_device: int, memory: int | None = None, devices: int = 1, block_size: int = 32) -> int:
    spec = spec_of(per_device, f"architecture/block_size={block_size}")
    return micro_batch_rows(spec, {**WHOLE, "data": devices}, "full", memory, "gpu")


def test_the_rows_asked_are_lowered_to_a_divisor_of_a_devices_share() -> None:
    assert [rows(asked) for asked in (1, 5, 7, 32, 40, 1000)] == [1, 4, 6, 32, 32, 96]
    assert [rows(asked, devices=8) for asked in (1, 5, 7, 1000)] == [1, 4, 6, 12]


def test_a_cpu_takes_about_1024_tokens_at_once() -> None:
    assert [rows(-1, block_size=size) for size in (16, 64, 256, 4096)] == [48, 16, 4, 1]


def test_an_accelerator_takes_the_most_that_fits() -> None:
    spec = spec_of(-1)
    least = sum(state_bytes(spec.architecture, spec.optimization, WHOLE, "full").values()) / 0.9
    found = [rows(-1, memory=int(least) + extra) for extra in (0, 4 * 10**6, 16 * 10**6, 10**9)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (1, 96)
    assert 1 < found[1] < 96


def test_phase_lora_needs_less_memory_for_its_state() -> None:
    spec = spec_of(-1, "architecture/dtype/activation=bfloat16", "architecture/n_embd=128")
    optimization = Optimization(lora=Lora(target_modules=["attn"], rank=2))
    parts = (state_bytes(spec.architecture, optimization, WHOLE, phase) for phase in ("full", "lora"))
    full, small = (sum(sizes.values()) for sizes in parts)
    assert small < full / 4


@pytest.mark.parametrize("share", [1, 12, 96, 97])
def test_the_largest_divisor_is_that_of_a_list(share: int) -> None:
    for most in range(-1, share + 2):
        divisors = [rows for rows in range(1, share + 1) if share % rows == 0 and rows <= most]
        assert largest_divisor(share, most) == max(divisors, default=1)
