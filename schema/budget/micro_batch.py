"""How many rows of a batch one device takes at once; the rest of its share follows in further micro-batches."""

from __future__ import annotations

from functools import partial
from math import isqrt
from typing import Any

from schema.budget.activations import micro_batch_bytes
from schema.budget.bytes import state_bytes
from schema.budget.stages import Phase

MEMORY_SHARE = 0.9  # of a device's memory that the estimate may fill
CPU_TOKENS = 1024  # of a micro-batch on a CPU, where larger ones are slower


def micro_batch_rows(
    sections: Any,
    mesh: dict[str, int],
    phase: Phase,
    device_bytes: int | None,
    platform: str,
    *,
    segmented: bool = False,
) -> int:
    """Choose how many rows one device of a mesh takes at once: a divisor of its share of the batch.

    `training/per_device_batch_size` rows, or the largest divisor below (the caller compares and says so); for -1 the
    most that fit into 90 % of `device_bytes` beside the state of the phase, or, where that is None (a CPU), into
    1,024 tokens; at least one row. `sections` are those of a spec, `platform` is cpu, gpu or tpu; `segmented` says
    that rows have segments.
    """
    training, architecture = sections.training, sections.architecture
    share = training.batch_size // (mesh["data"] * mesh["fsdp"])
    if training.per_device_batch_size > 0:
        return largest_divisor(share, training.per_device_batch_size)
    if device_bytes is None:
        return largest_divisor(share, CPU_TOKENS // architecture.block_size)
    free = MEMORY_SHARE * device_bytes - sum(state_bytes(architecture, sections.optimization, mesh, phase).values())
    takes = partial(micro_batch_bytes, sections, mesh, phase, platform=platform, segmented=segmented)
    return next((rows for rows in divisors(share) if takes(rows) <= free), 1)


def divisors(share: int) -> list[int]:
    """List the divisors of `share`, the largest first."""
    small = [number for number in range(1, isqrt(share) + 1) if share % number == 0]
    return sorted({*small, *(share // number for number in small)}, reverse=True)


def largest_divisor(share: int, most: int) -> int:
    """The largest divisor of `share` that is at most `most`; 1 where there is none."""
    return next((rows for rows in divisors(share) if rows <= most), 1)
