"""The devices of this machine, as `exec` finds them."""

from __future__ import annotations

import os
from typing import NamedTuple


class Devices(NamedTuple):
    """How many there are, the memory of one in bytes, None where it does not say, and what they are: cpu, gpu, tpu."""

    number: int | None = None
    bytes: int | None = None
    platform: str = "gpu"


def find_devices() -> Devices:
    """Ask jax for the devices; nothing is known where they can't be had, as when another process holds them.

    Their memory is not reserved: a training may run beside this.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    try:
        stats = jax.local_devices()[0].memory_stats() or {}
        return Devices(jax.device_count(), stats.get("bytes_limit"), jax.default_backend())
    except RuntimeError:
        return Devices()
