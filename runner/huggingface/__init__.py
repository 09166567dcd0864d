"""Parameters ⇄ the files of Hugging Face's libraries; names and configs are facts of the family (`schema.families`).

A folder that Transformers loads holds config.json and safetensors; one that PEFT loads, adapter_config.json and
adapter_model.safetensors. No pickle is read or written, and no code of others is run.
"""

from __future__ import annotations

from runner.huggingface.adapter import adapter_config, read_adapter, write_adapter
from runner.huggingface.model import read_model, write_model

__all__ = ["adapter_config", "read_adapter", "read_model", "write_adapter", "write_model"]
