"""A hub on this machine: models of folders, at commits, behind the addresses that huggingface_hub asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub.constants
import pytest

MODEL = "acme/tiny"


@dataclass
class FakeHub:
    """One model, `acme/tiny`: its folders by commit, and its branches. `asked` are the paths that were requested.

    `trouble` maps the start of a path to the status, and to the code of the hub, that it is answered with.
    """

    commits: dict[str, Path] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    trouble: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def push(self, folder: Path, branch: str = "main") -> str:
        """Make the content of a folder the newest commit of a branch."""
        commit = hashlib.sha1("".join(map(str, self.commits)).encode() + str(folder).encode()).hexdigest()
        self.commits[commit], self.branches[branch] = folder, commit
        return commit


@contextmanager
def in_its_place(hub: FakeHub, cache: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let huggingface_hub ask this hub, with an empty cache, whatever the environment of the tests says."""
    patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    patch.setenv("HF_HUB_CACHE", str(cache))
    with _served(hub) as address:
        patch.setenv("HF_ENDPOINT", address)
        yield


@contextmanager
def _served(hub: FakeHub) -> Iterator[str]:
    """Serve a hub; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, hub)

        def do_HEAD(self) -> None:
            _answer(self, hub)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, hub: FakeHub) -> None:
    path = request.path.partition("?")[0]
    hub.asked.append(path)
    hub.tokens.add(request.headers.get("Authorization"))
    for start, (status, code) in hub.trouble.items():
        if path.startswith(start):
            return _send(request, status, b"{}", {"X-Error-Code": code} if code else {})
    api, files = f"/api/models/{MODEL}", f"/{MODEL}/resolve/"
    if path.startswith(files):
        return _send_file(request, hub, *path.removeprefix(files).split("/", 1))
    if not path.startswith(api):
        return _missing(request, "RepoNotFound")
    kind, _, revision = path.removeprefix(api).strip("/").partition("/")
    commit = hub.branches.get(revision or "main", revision)
    if commit not in hub.commits:
        return _missing(request, "RevisionNotFound")
    found = sorted(each for each in hub.commits[commit].iterdir() if each.is_file())
    if kind == "tree":
        entries = [
            {"type": "file", "path": each.name, "size": each.stat().st_size, "oid": _etag(each)} for each in found
        ]
        return _send(request, 200, json.dumps(entries).encode())
    listed = {"id": MODEL, "sha": commit, "siblings": [{"rfilename": each.name} for each in found]}
    return _send(request, 200, json.dumps(listed).encode())


def _send_file(request: BaseHTTPRequestHandler, hub: FakeHub, commit: str, name: str) -> None:
    file = hub.commits[commit] / name
    if not file.is_file():
        return _missing(request, "EntryNotFound")
    headers = {"X-Repo-Commit": commit, "ETag": f'"{_etag(file)}"'}
    return _send(request, 200, file.read_bytes(), headers)


def _missing(request: BaseHTTPRequestHandler, code: str) -> None:
    _send(request, 404, b"{}", {"X-Error-Code": code})


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command == "GET":
        request.wfile.write(body)


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()
