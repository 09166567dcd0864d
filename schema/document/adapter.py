"""What `optimization/lora/init` names: the adapter_config.json of an adapter that PEFT, or an earlier run, wrote."""

from __future__ import annotations

import json
from pathlib import Path

from schema.families import AdapterConfig, ConfigError, adapters_of
from schema.text.paths import at_home

ADAPTER_CONFIG = "adapter_config.json"


def read_adapter_config(folder: str | Path) -> AdapterConfig:
    """Read the config of an adapter's folder.

    Raises FileNotFoundError or NotADirectoryError where there is none, OSError where it can't be read, and ConfigError
    where phase lora has no such adapters.
    """
    try:
        config = json.loads((at_home(folder) / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"it is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError("it holds no mapping")
    return adapters_of(config)
