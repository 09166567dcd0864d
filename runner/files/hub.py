"""Where the Hugging Face hub is, and whether it may be asked: the user's environment says so, as that library reads it.

Tokens are its business too: HF_TOKEN or `hf auth login`. Nothing here reads or repeats one.
"""

from __future__ import annotations

import os
import re


def endpoint() -> str:
    """Where the hub is."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def shown_endpoint() -> str:
    """Where the hub is, in a sentence: without a password, and with the variable that says so."""
    shown = re.sub(r"//[^/@]*@", "//", endpoint())
    return f"{shown} (HF_ENDPOINT)" if "HF_ENDPOINT" in os.environ else shown


def say_warnings_once() -> None:
    """Leave the warnings of huggingface_hub to its own handler: a root logger that has one would print them again."""
    from huggingface_hub.utils import logging

    logging.disable_propagation()


def is_offline() -> bool:
    """Whether the user forbade the network."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
