"""Files on other machines: which addresses a source may name, and which package reads each."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# The packages that read each protocol; those without one come with lorarun.
PROTOCOLS = {"https": "", "http": "", "s3": "s3fs", "gs": "gcsfs", "hf": ""}
ADDRESS = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]*)://.")


def protocol_of(path: str) -> str | None:
    """Return the protocol of an address that can be read; None for a path of this machine, and for other addresses."""
    found = ADDRESS.match(path)
    protocol = found["protocol"].lower() if found else ""
    return protocol if protocol in PROTOCOLS else None


def shown(address: str) -> str:
    """Return an address as it may be printed: without a password, and without what follows its path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_pattern(address: str) -> bool:
    """Whether an address stands for several files; in one of the web, ? begins a query."""
    signs = "*[" if protocol_of(address) in ("http", "https") else "*?["
    return any(sign in urlsplit(address).path for sign in signs)


def file_name(address: str) -> str:
    """Return the last part of an address's path."""
    return urlsplit(address).path.rstrip("/").rpartition("/")[2]
