"""A hub on this machine: a model or a dataset, of folders at commits, behind the addresses of the real one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote

import huggingface_hub.constants
import pytest

MODEL = "acme/tiny"


@dataclass(frozen=True)
class Fault:
    """What happens to one request: an answer of another `status`, a `slow` body, or one of which a `part` comes."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    slow: float = 0.0
    part: float = 1.0


@dataclass
class FakeHub:
    """One model, `acme/tiny`, or dataset: its folders by commit, and its branches. `asked` are the requested paths.

    `trouble` maps the start of a path to the status, and to the code of the hub, that it is answered with. `faults` are
    what happens to the next requests for parts of files, one each: a status, or seconds that its body takes, or the
    share of its body that is sent before the connection breaks. `sent` counts the bytes of files.
    """

    name: str = MODEL
    kind: str = "model"
    commits: dict[str, Path] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    trouble: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    sent: int = 0

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
        if hub.kind == "dataset":
            _let_datasets_ask(address, cache, patch)
        yield


def _let_datasets_ask(address: str, cache: Path, patch: pytest.MonkeyPatch) -> None:
    """Say to `datasets`, which reads the environment when it is imported, what that says now."""
    import datasets

    patch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(datasets.config, "HF_ENDPOINT", address)
    patch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    patch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False)
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache / "datasets")
    patch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", cache / "downloads")


@contextmanager
def _served(hub: FakeHub) -> Iterator[str]:
    """Serve a hub; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, hub)

        def do_POST(self) -> None:
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
    path = unquote(request.path.partition("?")[0])
    hub.asked.append(path)
    hub.tokens.add(request.headers.get("Authorization"))
    sent = request.rfile.read(int(request.headers.get("Content-Length", 0)))
    for start, (status, code) in hub.trouble.items():
        if path.startswith(start):
            return _send(request, status, b"{}", {"X-Error-Code": code} if code else {})
    above = "" if hub.kind == "model" else f"{hub.kind}s/"
    api, files = f"/api/{hub.kind}s/{hub.name}", f"/{above}{hub.name}/resolve/"
    if path.startswith(files):
        return _send_file(request, hub, *path.removeprefix(files).split("/", 1))
    if not path.startswith(api):
        return _missing(request, "RepoNotFound")
    kind, _, rest = path.removeprefix(api).strip("/").partition("/")
    revision, _, folder = rest.partition("/")
    commit = hub.branches.get(revision or "main", revision)
    if commit not in hub.commits:
        return _missing(request, "RevisionNotFound")
    if kind in ("tree", "paths-info"):
        wanted = parse_qs(sent.decode()).get("paths", []) if kind == "paths-info" else None
        return _send(request, 200, json.dumps(_listed(hub.commits[commit], folder, wanted)).encode())
    siblings = [{"rfilename": entry["path"]} for entry in _listed(hub.commits[commit]) if entry["type"] == "file"]
    listed = {"id": hub.name, "sha": commit, "siblings": siblings}
    return _send(request, 200, json.dumps(listed).encode())


def _listed(root: Path, folder: str = "", wanted: list[str] | None = None) -> list[dict[str, Any]]:
    """The entries below a folder, or those that are wanted, as the hub lists them."""
    entries = []
    for each in sorted((root / folder).rglob("*") if (root / folder).is_dir() else ()):
        path = each.relative_to(root).as_posix()
        if wanted is not None and path not in wanted:
            continue
        if each.is_dir():
            entries.append({"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest()})
        else:
            entries.append({"type": "file", "path": path, "size": each.stat().st_size, "oid": _etag(each)})
    return entries


def _send_file(request: BaseHTTPRequestHandler, hub: FakeHub, revision: str, name: str) -> None:
    commit = hub.branches.get(revision, revision)
    if commit not in hub.commits:
        return _missing(request, "RevisionNotFound")
    file = hub.commits[commit] / name
    if not file.is_file():
        return _missing(request, "EntryNotFound")
    headers = {"X-Repo-Commit": commit, "ETag": f'"{_etag(file)}"'}
    body, status = file.read_bytes(), 200
    if found := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", "")):
        first, last = int(found[1]), int(found[2] or len(body) - 1)
        headers["Content-Range"] = f"bytes {first}-{min(last, len(body) - 1)}/{len(body)}"
        body, status = body[first : last + 1], 206
    fault = hub.faults.pop(0) if hub.faults and request.command == "GET" else Fault()
    if fault.status:
        return _send(request, fault.status, b"{}", fault.headers)
    hub.sent += len(body) if request.command == "GET" else 0
    return _send(request, status, body, headers, fault)


def _missing(request: BaseHTTPRequestHandler, code: str) -> None:
    _send(request, 404, b"{}", {"X-Error-Code": code})


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    fault: Fault = Fault(),
) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        Event().wait(fault.slow)  # for tests take the sleep out of `time`
        request.wfile.write(body[: int(len(body) * fault.part)])
    if fault.part < 1:
        request.close_connection = True


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()
