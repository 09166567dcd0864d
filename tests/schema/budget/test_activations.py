"""The estimate of a micro-batch's bytes: what it depends on and what not. `test_memory.py` says how near it is."""

from __future__ import annotations

from typing import Any

import pytest

from schema.budget.activations import attention_kernel, micro_batch_bytes
from schema.budget.bytes import WHOLE
from schema.lint import accepted, lint_text

SPEC = """\
architecture: {n_layers: 4, n_embd: 256, n_head: 4, block_size: 128, vocab_size: 512}
tokenizer: {backend: byte}
training:
  batch_size: 64
  pre_lora_tokens: [8_192_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [1_638_400]
  post_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
optimization: {lora: {target_modules: [attn, mlp]}}
"""


def spec_of(*overrides: str) -> Any:
    return accepted(lint_text(SPEC, "spec.yaml", overrides))


def size(
    *overrides: str, phase: Any = "full", rows: int = 4, platform: str = "tpu", segmented: bool = False, **mesh: int
) -> int:
    return micro_batch_bytes(spec_of(*overrides), {**WHOLE, **mesh}, phase, rows, platform, segmented=segmented)


@pytest.mark.parametrize("phase", ["full", "lora"])
def test_less_is_kept_with_each_setting_and_more_with_each_row(phase: Any) -> None:
    none, names, full = (size(f"architecture/remat={remat}", phase=phase) for remat in ("none", "names", "full"))
    assert none > names > full
    sizes = [size(phase=phase, rows=rows) for rows in (1, 2, 4, 8, 16)]
    assert sizes == sorted(sizes)
    assert sizes[-1] - sizes[-2] == pytest.approx(2 * (sizes[-2] - sizes[-3]), rel=0.01)


def test_activations_are_not_split_by_fsdp_and_are_by_tensor() -> None:
    def of_rows(**mesh: int) -> int:
        return size(phase="lora", rows=8, **mesh) - size(phase="lora", rows=4, **mesh)

    assert of_rows(fsdp=4) == of_rows(data=4) == of_rows()
    assert of_rows(tensor=2) < of_rows()


def test_weights_that_fsdp_splits_are_whole_where_they_are_read() -> None:
    large = "architecture/vocab_size=50304"
    assert size(large, phase="lora", fsdp=2) > size(large, phase="lora", data=2) + 2 * 50304 * 256


def test_cudnn_forms_no_scores() -> None:
    long = "architecture/block_size=2048"
    assert size(long, platform="gpu") < size(long, platform="tpu") / 2
    exact = "architecture/dtype/activation=float32"
    assert size(long, exact, platform="gpu") == size(long, exact, platform="tpu")
    kernels = [attention_kernel(spec_of(dtype).architecture, "gpu") for dtype in (exact, long)]
    assert kernels == ["xla", "cudnn"]


def test_segments_take_the_scores_of_xla_on_a_gpu_and_a_mask_of_their_own() -> None:
    long = "architecture/block_size=2048"
    plain, segmented = (size(long, platform="tpu", segmented=segments) for segments in (False, True))
    assert segmented - plain == 4 * 4 * 2048**2  # rows, heads and pairs of tokens, in one byte each
    assert size(long, platform="gpu", segmented=True) == segmented
    assert attention_kernel(spec_of().architecture, "gpu", segmented=True) == "xla"


def test_dropout_keeps_masks_where_nothing_is_recomputed() -> None:
    for key, phase in (("architecture/dropout", "full"), ("optimization/lora/dropout", "lora")):
        none = [size("architecture/remat=none", f"{key}={rate}", phase=phase) for rate in (0.0, 0.1)]
        assert none[0] < none[1]
        assert size(f"{key}=0.1", phase=phase) == size(phase=phase)


def test_adapters_on_the_head_alone_keep_nothing_in_the_blocks() -> None:
    head = "optimization/lora/target_modules=[lm_head]"
    deep = "architecture/n_layers=16"
    assert size(head, deep, phase="lora") < size(deep, phase="lora") / 3
    grown = size(head, deep, phase="lora") - size(head, phase="lora")
    assert grown < size("optimization/lora/target_modules=[lm_head, q_proj]", phase="lora") / 100
