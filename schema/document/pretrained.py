"""What the config.json of a pretrained model says of a spec's architecture: the keys that the spec leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schema.families import ConfigError, architecture_of


def adopted_keys(written: Any) -> dict[str, Any]:
    """Return the keys of an `architecture` section, of which `written` is what the spec says, that config.json decides.

    Empty where no folder with a config.json is named, or its model is of no family here: whoever loads the weights says
    so, and compares the keys that are written.
    """
    named = written.get("pretrained") if isinstance(written, dict) else None
    if not isinstance(named, str):
        return {}
    try:
        config = json.loads((Path(named) / "config.json").read_text(encoding="utf-8"))
        known = architecture_of(config) if isinstance(config, dict) else {}
    except (ConfigError, OSError, ValueError):
        return {}
    return {name: value for name, value in known.items() if name not in written}
