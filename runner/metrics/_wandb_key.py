"""Whether this machine has a key for Weights & Biases, found without loading wandb: as wandb itself looks for it."""

from __future__ import annotations

import os
from configparser import ConfigParser
from configparser import Error as ConfigError
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import urlsplit

SHORTEST = 40  # letters of a key
SERVERS = ("wandb", "coreweave")  # what the hosts of its service are called, where no other one is named
UNASKED = ("offline", "dryrun", "disabled")  # modes in which nothing is uploaded


def asks_for_key() -> bool:
    """Whether records would be uploaded, as far as the user's variables and settings of wandb say."""
    mode = os.environ.get("WANDB_MODE") or _setting("mode") or "online"
    disabled = os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "yes")
    return mode not in UNASKED and not disabled


def has_key() -> bool:
    """Whether there is a key: in WANDB_API_KEY, in a file of WANDB_IDENTITY_TOKEN_FILE, or in netrc for the server."""
    if key := os.environ.get("WANDB_API_KEY"):
        return len(key) >= SHORTEST
    return bool(os.environ.get("WANDB_IDENTITY_TOKEN_FILE")) or _in_netrc()


def base_url() -> str | None:
    """The server that the user's variables or settings of wandb name; None for its own service."""
    return os.environ.get("WANDB_BASE_URL") or _setting("base_url")


def _in_netrc() -> bool:
    try:
        named = urlsplit(base_url() or "").netloc
    except ValueError:  # no address; wandb says what is wrong with it
        return False
    paths = [Path(own)] if (own := os.environ.get("NETRC")) else [_home() / ".netrc", _home() / "_netrc"]
    for path in paths:
        try:
            hosts = netrc(path).hosts
        except (OSError, NetrcParseError, UnicodeDecodeError):
            continue
        if any(host == named if named else any(word in host for word in SERVERS) for host in hosts):
            return True
    return False


def _setting(name: str) -> str | None:
    """A value of wandb's own settings: those of this folder before those of the user."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or _home() / ".config" / "wandb")
    found = ConfigParser(interpolation=None)
    try:
        found.read([folder / "settings", Path(os.environ.get("WANDB_DIR") or ".") / "wandb" / "settings"])
        return found.get("default", name, fallback=None)
    except (ConfigError, OSError, UnicodeDecodeError):
        return None


def _home() -> Path:
    """The user's folder; nowhere for a user that has none."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111  (Path.home raises where there is no such user)
