"""`lorarun lsp`, driven by a client over a pipe: what an editor would ask while a spec is written."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from runner.cli import main
from schema.document.catalogue import CATALOGUE
from schema.sampling import DatasetStyle
from tests.runner.commands.lsp.client import Client, asked, changed, opened, place, repaired

ROOT = Path(__file__).resolve().parents[4]
SPEC = """\
# 🦊 a spec
tokenizer: {backend: byte}
training:
  batch_size: 8
  pre_lora_tokens: [262_144_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, x-note: 🦊, style: pmd}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]
optimization:
  lora:
    rnk: 8
    target_modules: [attn, mlp]
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    complaints = tmp_path_factory.mktemp("server") / "stderr"
    command = [sys.executable, "-m", "runner.cli", "lsp", "--stdio"]
    with (
        complaints.open("wb") as stderr,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr) as process,
    ):
        client = Client(process)
        found = client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["capabilities"]
        assert {"hoverProvider", "completionProvider", "codeActionProvider"} <= found.keys()
        assert (found["positionEncoding"], found["textDocumentSync"]["change"]) == ("utf-16", 1)
        assert found["codeActionProvider"]["codeActionKinds"] == ["quickfix", "source.fixAll.lorarun"]
        client.tell("initialized", {})
        yield client
        client.ask("shutdown", None)
        client.tell("exit", None)
        assert process.wait(20) == 0
    assert "Traceback" not in complaints.read_text(encoding="utf-8")


def test_findings_are_told_when_a_spec_is_opened(client: Client) -> None:
    uri = "file:///specs/opened.yaml"
    found = opened(client, uri, SPEC)
    assert [(each["code"], each["severity"], each["source"]) for each in found] == [
        ("LR802", 2, "lorarun"),
        ("LR003", 1, "lorarun"),
    ]
    assert found[0]["range"] == {"start": place(SPEC, "pmd"), "end": place(SPEC, "pmd", 3)}
    assert found[1]["message"] == "unknown key 'rnk' in optimization/lora\nhelp: write 'rank'"
    assert found[1]["codeDescription"]["href"].endswith("/schema/docs/RULES.md#unknown-key")
    twice = opened(client, uri, SPEC.replace("rnk: 8", "rank: 8\n    rank: 9"))[1]
    assert (twice["code"], twice["relatedInformation"][0]["message"]) == ("LR002", "first written here")
    client.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.told(uri) == []


def test_a_key_is_explained_and_completed(client: Client) -> None:
    uri = "file:///specs/keys.yaml"
    opened(client, uri, SPEC)
    document = {"textDocument": {"uri": uri}}
    hover = client.ask("textDocument/hover", {**document, "position": place(SPEC, "batch_size", 2)})
    assert hover["contents"]["value"].startswith("**training/batch_size**\n\nGlobal batch.")
    assert "default: `512`" in hover["contents"]["value"]

    keys = client.ask("textDocument/completion", {**document, "position": place(SPEC, "rnk", 1)})["items"]
    edit = next(key for key in keys if key["label"] == "rank")["textEdit"]
    assert repaired(SPEC, [edit]) == SPEC.replace("rnk", "rank")
    styles = client.ask("textDocument/completion", {**document, "position": place(SPEC, "pmd", 1)})["items"]
    assert [style["label"] for style in styles] == [style.value for style in DatasetStyle]
    pmd = next(style for style in styles if style["label"] == "PMD")
    assert repaired(SPEC, [pmd["textEdit"]]) == SPEC.replace("pmd", "PMD")


def test_names_of_datasets_evaluations_and_targets_are_completed(client: Client) -> None:
    uri = "file:///specs/names.yaml"
    whole = f"{SPEC}eval: {{evaluations: [no]}}\ndata: {{sources: {{web: {{path: a.txt}}}}}}\n"
    opened(client, uri, whole)

    def offered(text: str, piece: str) -> list[str]:
        request = {"textDocument": {"uri": uri}, "position": place(text, piece, len(piece))}
        return [item["label"] for item in client.ask("textDocument/completion", request)["items"]]

    assert offered(whole, "name: we") == ["web", "pydoc", "pystdlib", *CATALOGUE]
    assert offered(whole, "evaluations: [no") == ["web_ppl", "chat_ppl"]
    assert "q_proj" in offered(whole, "attn, ml")
    half = whole.replace("pre_lora_dataset: [[{name: web, rate: 1.0, x-note: 🦊, style: pmd}]]", "dataset: [{name: ")
    changed(client, uri, half)
    assert offered(half, "dataset: [{name: ")[0] == "web"


def test_a_fix_is_offered_and_its_finding_goes(client: Client) -> None:
    uri = "file:///specs/fixes.yaml"
    found = opened(client, uri, SPEC)
    for each in found:
        action = asked(client, uri, each["range"], "quickfix")[f"lorarun: {each['message'].partition('help: ')[2]}"]
        assert (action["isPreferred"], action["kind"]) == (each["code"] == "LR802", "quickfix")
        assert action["diagnostics"] == [each]
        left = changed(client, uri, repaired(SPEC, action["edit"]["changes"][uri]))
        assert [other["code"] for other in left] == [other["code"] for other in found if other is not each]
        changed(client, uri, SPEC)


async def converse() -> None:
    """Talk to the server as an editor that is built with pygls does."""
    editor, told = LanguageClient("editor", "1"), asyncio.Queue[types.PublishDiagnosticsParams]()

    @editor.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def note(parameters: types.PublishDiagnosticsParams) -> None:
        told.put_nowait(parameters)

    await editor.start_io(sys.executable, "-m", "runner.cli", "lsp", cwd=ROOT)
    uri = "file:///specs/typed.yaml"
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


def test_everything_safe_is_fixed_at_once(client: Client) -> None:
    uri = "file:///specs/every.yaml"
    where = opened(client, uri, SPEC)[1]["range"]
    for kind in ("source", "source.fixAll", "source.fixAll.lorarun"):
        (action,) = asked(client, uri, where, kind).values()
        assert action["kind"] == "source.fixAll.lorarun"
        (edit,) = action["edit"]["changes"][uri]
        assert edit["range"]["start"]["line"] + 1 == edit["range"]["end"]["line"]  # the other lines stay
        assert repaired(SPEC, [edit]) == SPEC.replace("pmd", "PMD")
    assert asked(client, uri, where, "source.organizeImports", "source.fix") == {}


def test_a_warning_can_be_silenced_and_an_error_can_not(client: Client) -> None:
    uri = "file:///specs/silent.yaml"
    warning, error = opened(client, uri, SPEC)
    quiet = asked(client, uri, warning["range"])["lorarun: ignore style-case on this line"]
    silenced = repaired(SPEC, quiet["edit"]["changes"][uri])
    assert "style: pmd}]] # lorarun: ignore[style-case]\n" in silenced
    assert [each["code"] for each in changed(client, uri, silenced)] == ["LR003"]
    assert not any("ignore" in title for title in asked(client, uri, error["range"]))
    explained = client.ask(
        "textDocument/hover", {"textDocument": {"uri": uri}, "position": place(silenced, "[style-case", 5)}
    )
    assert explained["contents"]["value"].startswith("**LR802 style-case** (warning)\n\n")


def test_the_settings_of_the_project_are_heard_when_it_is_saved(client: Client, tmp_path: Path) -> None:
    uri, settings = (tmp_path / "spec.yaml").as_uri(), tmp_path / "pyproject.toml"
    assert len(opened(client, uri, SPEC)) == 2
    settings.write_text("[tool.lorarun]\nignore = ['style-case']\n", encoding="utf-8")
    client.tell("textDocument/didSave", {"textDocument": {"uri": uri}})
    assert [each["code"] for each in client.told(uri)] == ["LR003"]
    settings.write_text("[tool.lorarun]\nignore = ['style-cas']\n", encoding="utf-8")
    client.messages.clear()
    for _ in range(2):
        client.tell("textDocument/didSave", {"textDocument": {"uri": uri}})
        assert len(client.told(uri)) == 2
    assert client.messages == [
        f"{settings}: [tool.lorarun]: no rule is called 'style-cas'; write style-case; "
        "specs are linted without these settings until that is fixed"
    ]


@pytest.mark.parametrize(
    "text",
    ["", "training", "training:\n  ", "training: {", "a: &a [*a", "\x00", "x: '\n" * 9, "\ud800: 1", "\ufeffsed: 1"],
)
def test_half_a_spec_has_an_answer_everywhere(client: Client, text: str) -> None:
    uri = "file:///specs/half.yaml"
    opened(client, uri, text)
    end = {"line": text.count("\n"), "character": len(text.rpartition("\n")[2])}
    at = {"textDocument": {"uri": uri}, "position": end}
    client.ask("textDocument/hover", at)
    client.ask("textDocument/completion", at)
    request = {"textDocument": {"uri": uri}, "range": {"start": end, "end": end}, "context": {"diagnostics": []}}
    client.ask("textDocument/codeAction", request)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["lsp"])
    assert (done.exit_code, done.stderr) == (2, "lorarun: lorarun lsp needs pygls; pip install 'lorarun[lsp]'\n")
