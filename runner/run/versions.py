"""What a checkpoint was computed by: versions of the libraries that decide numbers and file formats, and the device."""

from __future__ import annotations

import os
from importlib.metadata import version

LIBRARIES = ("lorarun", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide numbers and file formats."""
    return {name: version(name) for name in LIBRARIES}


def computed_by() -> dict[str, str]:
    """Versions of the libraries, and the kind of device; on a CPU with its threads, among which XLA splits its sums."""
    import jax  # not on load: what only reads a run starts without it

    device = jax.devices()[0]
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    threads = os.environ.get("PJRT_NPROC") or os.environ.get("NPROC") or len(allowed)
    kind = f"{device.device_kind} of {threads} threads" if device.platform == "cpu" else device.device_kind
    return {**library_versions(), "device": kind}
