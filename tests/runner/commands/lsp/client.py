"""A client of the language server that speaks the protocol over a pipe, and what tests ask by it."""

from __future__ import annotations

import json
import subprocess
from typing import Any


class Client:
    """A client that waits for each answer, and remembers the diagnostics of each document."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._number = process, 0
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}
        self.messages: list[str] = []

    def ask(self, method: str, parameters: Any) -> Any:
        """Send a request and return its result."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def tell(self, method: str, parameters: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": parameters})

    def told(self, uri: str) -> list[dict[str, Any]]:
        """Wait for the next diagnostics of a document."""
        self.diagnostics.pop(uri, None)
        while uri not in self.diagnostics:
            self._note(self._read())
        return self.diagnostics[uri]

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        if message.get("method") == "window/showMessage":
            self.messages.append(message["params"]["message"])

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) or not length:
            assert line, "the server hung up"
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


def opened(client: Client, uri: str, text: str) -> list[dict[str, Any]]:
    item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    client.tell("textDocument/didOpen", {"textDocument": item})
    return client.told(uri)


def changed(client: Client, uri: str, text: str) -> list[dict[str, Any]]:
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]}
    client.tell("textDocument/didChange", change)
    return client.told(uri)


def place(text: str, piece: str, shift: int = 0) -> dict[str, int]:
    """Where a piece of a text begins, in UTF-16."""
    before = text[: text.index(piece) + shift]
    return {"line": before.count("\n"), "character": len(before.rpartition("\n")[2].encode("utf-16-le")) // 2}


def repaired(text: str, edits: list[dict[str, Any]]) -> str:
    """Apply the edits of one document, as a client does that counts in UTF-16."""
    lines = text.encode("utf-16-le").split("\n".encode("utf-16-le"))
    starts = [sum(len(line) + 2 for line in lines[:number]) for number in range(len(lines))]
    data = text.encode("utf-16-le")
    for edit in sorted(edits, key=lambda edit: -edit["range"]["start"]["line"]):
        first, last = (
            starts[edit["range"][end]["line"]] + 2 * edit["range"][end]["character"] for end in ("start", "end")
        )
        data = data[:first] + edit["newText"].encode("utf-16-le") + data[last:]
    return data.decode("utf-16-le")


def asked(client: Client, uri: str, where: dict[str, Any], *only: str) -> dict[str, dict[str, Any]]:
    """The code actions for a range, by title."""
    context = {"diagnostics": [], **({"only": [*only]} if only else {})}
    request = {"textDocument": {"uri": uri}, "range": where, "context": context}
    return {action["title"]: action for action in client.ask("textDocument/codeAction", request)}
