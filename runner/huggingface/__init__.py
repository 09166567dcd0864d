"""Parameters ⇄ the files of Hugging Face's libraries: one table of names per family, everything else is shared.

A folder that Transformers loads holds config.json and safetensors; one that PEFT loads, adapter_config.json and
adapter_model.safetensors. No pickle is read or written, and no code of others is run.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from runner.huggingface.adapter import read_adapter, write_adapter
from runner.huggingface.layout import Layout
from runner.huggingface.model import read_model, write_model

__all__ = ["Layout", "layout_of", "read_adapter", "read_model", "write_adapter", "write_model"]


def layout_of(architecture: Any) -> Layout:
    """Return how the weights of an `architecture` section are called and laid out in Hugging Face's files."""
    layout: Layout = import_module(f"runner.huggingface.{architecture.family}").layout(architecture)
    return layout
