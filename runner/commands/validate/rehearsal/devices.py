"""The devices of this machine, as `exec` finds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from runner.failure import Failure
from runner.process.surroundings import start_jax

RESERVE = "XLA_PYTHON_CLIENT_PREALLOCATE"


class Devices(NamedTuple):
    """How many there are, the memory of one in bytes, None where it does not say, and what they are: cpu, gpu, tpu.

    `refusal` is why jax finds none.
    """

    number: int | None = None
    bytes: int | None = None
    platform: str = "gpu"
    refusal: Failure | None = None


def find_devices() -> Devices:
    """Ask jax for the devices; where it does not start, nothing is known of them but that."""
    try:
        with _unreserved():
            start_jax()
    except Failure:
        return _refused()
    import jax

    stats = jax.local_devices()[0].memory_stats() or {}
    return Devices(jax.device_count(), stats.get("bytes_limit"), jax.default_backend())


@contextmanager
def _unreserved() -> Iterator[None]:
    """Let jax reserve no memory, unless the user says otherwise: a training may run beside this."""
    if RESERVE in os.environ:
        yield
        return
    os.environ[RESERVE] = "false"
    try:
        yield
    finally:
        del os.environ[RESERVE]


def _refused() -> Devices:
    """Ask once more with the user's variables alone, which the refusal names."""
    try:
        start_jax()
    except Failure as failure:
        return Devices(refusal=failure)
    return Devices()
