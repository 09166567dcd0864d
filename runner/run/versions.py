"""Versions of the libraries that decide numbers and file formats."""

from __future__ import annotations

from importlib.metadata import version

LIBRARIES = ("lorarun", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide numbers and file formats."""
    return {name: version(name) for name in LIBRARIES}
