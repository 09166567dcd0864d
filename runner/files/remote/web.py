"""Files of web servers, by the standard library: fsspec's own reader needs another package, and hides Retry-After.

A name and a password for a host are those of ~/.netrc.
"""

from __future__ import annotations

import base64
import http.client
import netrc
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from runner.files.remote.file import ChangedError, RemoteFile, Stream

TIMEOUT_SECONDS = 60.0  # without a byte
RANGE = re.compile(r"bytes (?P<start>\d+)-\d+/(?P<total>\d+|\*)")


def look(address: str) -> RemoteFile:
    """Ask for the facts of a file. Raises OSError as urllib does."""
    # Of a signed address only GET is allowed, so that one byte is asked for.
    with _asked(address, {"Range": "bytes=0-0"}) as answer:
        found = RANGE.fullmatch(answer.headers.get("Content-Range") or "")
        total = found["total"] if found else answer.headers.get("Content-Length") or ""
        identity = _identity(answer.headers)
    size = int(total) if total.isdigit() else None

    @contextmanager
    def open_at(start: int) -> Iterator[Stream]:
        with _asked(address, _range(start, identity)) as body:
            begun = RANGE.fullmatch(body.headers.get("Content-Range") or "")
            if _identity(body.headers) != identity:
                raise ChangedError(address)
            yield Stream(body, int(begun["start"]) if begun and body.status == 206 else 0)

    return RemoteFile(address, size, identity, open_at)


def _range(start: int, identity: str) -> dict[str, str]:
    """The headers that ask for a file from a byte on, where it is the same one."""
    if not start:
        return {}
    condition = {"If-Range": identity} if identity.startswith('"') else {}
    return {"Range": f"bytes={start}-"} | condition


def _identity(headers: Any) -> str:
    """What a server says of a file's version: a tag, else a time."""
    return str(headers.get("ETag") or headers.get("Last-Modified") or "")


@contextmanager
def _asked(address: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Ask a server for a file. Raises OSError as urllib does."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "lorarun", **headers}
    request = urllib.request.Request(address, headers=headers)
    for name, value in _credentials(address).items():
        request.add_unredirected_header(name, value)  # another host is not told
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    with answer:
        yield answer


def _credentials(address: str) -> dict[str, str]:
    """The header that says who asks, by ~/.netrc; nothing where that does not name the host."""
    try:
        found = netrc.netrc().authenticators(urlsplit(address).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return {}
    if not found:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(f'{found[0]}:{found[2]}'.encode()).decode()}"}
