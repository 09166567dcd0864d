"""A web server on this machine that holds a few files, and fails as it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Shelf:
    """`files` by path with their tags; the next requests meet the `faults`, in order: a status, or bytes to cut after.

    `asked` are the path and the range of each request.
    """

    address: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    faults: list[tuple[str, int]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ranges: bool = True


@contextmanager
def served() -> Iterator[Shelf]:
    """Serve a shelf on a port of its own."""
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted = self.path.partition("?")[0], self.headers.get("Range") or ""
            shelf.asked.append((path, wanted))
            fault, much = shelf.faults.pop(0) if shelf.faults else ("", 0)
            if fault == "status" or path not in shelf.files:
                self.send_response(much or 404)
                if much == 429:
                    self.send_header("Retry-After", "7")
                self.end_headers()
                return
            content, tag = shelf.files[path]
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted) if shelf.ranges else None
            whole = not found or self.headers.get("If-Range", tag) != tag
            first = 0 if whole or not found else int(found[1])
            last = int(found[2]) if found and found[2] and not whole else len(content) - 1
            self.send_response(200 if whole else 206)
            if not whole:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Content-Length", str(last - first + 1))
            if tag:
                self.send_header("ETag", tag)
            self.end_headers()
            body = content[first : last + 1]
            self.wfile.write(body[:much] if fault == "cut" else body)

        def log_message(self, format: str, *arguments: object) -> None:
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
