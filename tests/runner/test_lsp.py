"""`lorarun lsp`, driven by a client over a pipe: what an editor would ask while a spec is written."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from runner.cli import main
from runner.language_server import Text
from schema.hints import Hints

ROOT = Path(__file__).resolve().parents[2]
SPEC = """\
# 🦊 a spec
tokenizer: {backend: byte}
training:
  batch_size: 8
  pre_lora_tokens: [262_144_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: pmd}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
optimization:
  lora:
    rnk: 8
    target_modules: [attn, mlp]
"""


class Client:
    """A client that waits for each answer, and remembers the diagnostics of each document."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._number = process, 0
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}

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


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    command = [sys.executable, "-m", "runner.cli", "lsp"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        client = Client(process)
        found = client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert {"hoverProvider", "completionProvider", "codeActionProvider"} <= found["capabilities"].keys()
        client.tell("initialized", {})
        yield client
        client.ask("shutdown", None)
        client.tell("exit", None)
        assert process.wait(20) == 0


def opened(client: Client, uri: str, text: str) -> list[dict[str, Any]]:
    item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    client.tell("textDocument/didOpen", {"textDocument": item})
    return client.told(uri)


def place(text: str, piece: str, shift: int = 0) -> dict[str, int]:
    """Where a piece of a text begins, in UTF-16."""
    before = text[: text.index(piece) + shift]
    return {"line": before.count("\n"), "character": len(before.rpartition("\n")[2].encode("utf-16-le")) // 2}


def repaired(text: str, edits: list[dict[str, Any]]) -> str:
    """Apply the edits of one document, which lie on lines of ASCII."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda edit: -edit["range"]["start"]["line"]):
        first, last = edit["range"]["start"], edit["range"]["end"]
        head = lines[first["line"]][: first["character"]]
        tail = lines[last["line"]][last["character"] :] if last["line"] < len(lines) else ""
        lines[first["line"] : last["line"] + 1] = (head + edit["newText"] + tail).split("\n")
    return "\n".join(lines)


def test_a_spec_is_opened_understood_and_repaired(client: Client) -> None:
    uri = "file:///work/spec.yaml"
    document = {"textDocument": {"uri": uri}}
    found = opened(client, uri, SPEC)
    assert [(each["code"], each["severity"]) for each in found] == [("LR802", 2), ("LR003", 1)]
    assert found[0]["range"]["start"] == place(SPEC, "pmd")
    assert found[1]["message"] == "unknown key 'rnk' in optimization/lora\nhelp: write 'rank'"

    hover = client.ask("textDocument/hover", {**document, "position": place(SPEC, "batch_size", 2)})
    assert hover["contents"]["value"].startswith("**training/batch_size**\n\nGlobal batch.")
    assert "default: `512`" in hover["contents"]["value"]

    keys = client.ask("textDocument/completion", {**document, "position": place(SPEC, "rnk", 1)})["items"]
    assert {"rank", "alpha", "lr"} <= {key["label"] for key in keys}
    assert "target_modules" not in {key["label"] for key in keys}
    assert next(key for key in keys if key["label"] == "rank")["textEdit"]["newText"] == "rank: 16"

    context = {"diagnostics": [], "only": ["quickfix"]}
    for each in found:
        actions = client.ask("textDocument/codeAction", {**document, "range": each["range"], "context": context})
        assert actions[0]["title"] == f"lorarun: {each['message'].partition('help: ')[2]}"
        assert actions[0]["isPreferred"] is (each["code"] == "LR802")
        fixed = repaired(SPEC, actions[0]["edit"]["changes"][uri])
        change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": fixed}]}
        client.tell("textDocument/didChange", change)
        assert [left["code"] for left in client.told(uri)] == [other["code"] for other in found if other is not each]
        client.tell("textDocument/didChange", {**change, "contentChanges": [{"text": SPEC}]})
        client.told(uri)


async def converse() -> None:
    """Talk to the server as an editor that is built with pygls does."""
    editor, told = LanguageClient("editor", "1"), asyncio.Queue[types.PublishDiagnosticsParams]()

    @editor.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def note(parameters: types.PublishDiagnosticsParams) -> None:
        told.put_nowait(parameters)

    await editor.start_io(sys.executable, "-m", "runner.cli", "lsp", cwd=ROOT)
    uri = "file:///work/typed.yaml"
    document = types.TextDocumentIdentifier(uri)
    await editor.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
    editor.initialized(types.InitializedParams())
    item = types.TextDocumentItem(uri, "yaml", 1, SPEC)
    editor.text_document_did_open(types.DidOpenTextDocumentParams(item))
    found = (await told.get()).diagnostics
    assert [each.code for each in found] == ["LR802", "LR003"]

    at = types.Position(**place(SPEC, "batch_size", 2))
    hover = await editor.text_document_hover_async(types.HoverParams(document, at))
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.value.startswith("**training/batch_size**")

    at = types.Position(**place(SPEC, "rnk", 1))
    offered = await editor.text_document_completion_async(types.CompletionParams(document, at))
    assert isinstance(offered, types.CompletionList)
    assert {"rank", "alpha"} <= {each.label for each in offered.items}

    context = types.CodeActionContext(diagnostics=found, only=[types.CodeActionKind.QuickFix])
    asked = types.CodeActionParams(document, found[1].range, context)
    actions = await editor.text_document_code_action_async(asked)
    assert [each.title for each in actions or ()] == ["lorarun: write 'rank'"]
    await editor.shutdown_async(None)
    editor.exit(None)
    await editor.stop()


def test_an_editor_built_with_pygls_is_served() -> None:
    asyncio.run(converse())


def test_everything_safe_is_fixed_at_once_and_a_warning_can_be_silenced(client: Client) -> None:
    uri = "file:///work/other.yaml"
    found = opened(client, uri, SPEC)[0]
    request = {"textDocument": {"uri": uri}, "range": found["range"], "context": {"diagnostics": []}}
    actions = {action["title"]: action for action in client.ask("textDocument/codeAction", request)}
    every = actions["lorarun: fix everything that is safe to fix"]
    assert every["kind"] == "source.fixAll"
    assert every["edit"]["changes"][uri][0]["newText"] == SPEC.replace("pmd", "PMD")
    quiet = actions["lorarun: ignore style-case on this line"]["edit"]["changes"][uri]
    silenced = repaired(SPEC, quiet)
    assert "style: pmd}]] # lorarun: ignore[style-case]\n" in silenced
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": silenced}]}
    client.tell("textDocument/didChange", change)
    assert [each["code"] for each in client.told(uri)] == ["LR003"]


@pytest.mark.parametrize("text", ["", "training", "training:\n  ", "training: {", "a: &a [*a", "\x00", "x: '\n" * 9])
def test_half_a_spec_has_an_answer_everywhere(client: Client, text: str) -> None:
    uri = f"file:///work/{abs(hash(text))}.yaml"
    opened(client, uri, text)
    end = {"line": text.count("\n"), "character": len(text.rpartition("\n")[2])}
    at = {"textDocument": {"uri": uri}, "position": end}
    client.ask("textDocument/hover", at)
    client.ask("textDocument/completion", at)
    request = {"textDocument": {"uri": uri}, "range": {"start": end, "end": end}, "context": {"diagnostics": []}}
    client.ask("textDocument/codeAction", request)


@pytest.mark.parametrize(("unit", "character"), [("utf-8", 13), ("utf-16", 10), ("utf-32", 9)])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_places_are_counted_in_the_units_of_the_client(unit: str, character: int, line_end: str) -> None:
    text = Text(line_end.join(["# one", "x-n: 🦊 é: y", "z: 1"]), unit)
    assert text.to_client(2, 10) == types.Position(1, character)
    assert text.from_client(text.to_client(2, 10)) == (1, 9)
    assert text.to_client(9, 9) == types.Position(2, 4)


def test_hovering_over_an_ignored_rule_explains_it() -> None:
    lines = ["training: # lorarun: ignore[style-case]", "  seed: 1"]
    assert Hints().hover(lines, 0, 30).startswith("**LR802 style-case**\n\n")
    assert Hints().hover(lines, 0, 12) == ""


def test_choices_are_completed_behind_the_colon() -> None:
    lines = ["data:", "  on_exhausted: re", "architecture:", "  rope: ", "  dtype:", "    param: "]
    hints = Hints()
    assert [hint.text for hint in hints.complete(lines, 1, 18)[1]] == ["repeat", "error"]
    assert hints.complete(lines, 1, 18)[0] == 16
    assert [hint.text for hint in hints.complete(lines, 3, 8)[1]] == ["true", "false"]
    assert [hint.text for hint in hints.complete(lines, 5, 11)[1]] == ["float32", "bfloat16", "float16"]


def test_keys_of_a_list_of_mappings_are_completed() -> None:
    lines = ["training:", "  pre_lora_dataset:", "  - - name: web", "      rate: 1.0", "      "]
    assert [hint.name for hint in Hints().complete(lines, 4, 6)[1]] == ["style", "suffix"]


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["lsp"])
    assert (done.exit_code, done.stderr) == (2, "lorarun: lorarun lsp needs pygls; pip install 'lorarun[lsp]'\n")
