"""Where the Hugging Face hub is, and whether it may be asked: the user's environment says so, as that library reads it.

Tokens are its business too: HF_TOKEN or `hf auth login`. Nothing here reads or repeats one.
"""

from __future__ import annotations

import os


def endpoint() -> str:
    """Where the hub is."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def is_offline() -> bool:
    """Whether the user forbade the network."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
