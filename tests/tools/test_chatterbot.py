"""`tools/chatterbot` turns the YAML files of a package into conversations, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.scripts import call, load_script

CHATTERBOT = load_script("chatterbot")
GREETINGS = """
categories: [greetings]
conversations:
- - Hello
  - "Hi, \\u00fcn\\u00ef "
- - Hello
  - "Hi, \\u00fcn\\u00ef"
- - How are you?
  - Fine.
  - And you?
- a statement alone
- [Is it 2?, 2]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name, which must not be imported; the folder of its files."""
    folder = tmp_path / "site" / "chatterbot_corpus" / "data" / "english"
    folder.mkdir(parents=True)
    (folder.parents[1] / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "greetings.yml").write_text(GREETINGS)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_conversations_become_messages(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "a.yml").write_text("conversations:\n- [Who?, Me.]\n")
    written = set()
    for _ in range(2):
        assert call(CHATTERBOT, monkeypatch, "--to", tmp_path / "made") == 0
        written.add((tmp_path / "made" / "english.jsonl").read_bytes())
    (text,) = written
    pairs = [[each["content"] for each in json.loads(line)["messages"]] for line in text.decode().splitlines()]
    assert pairs == [["Who?", "Me."], ["Hello", "Hi, ünï"], ["How are you?", "Fine."], ["Is it 2?", "2"]]
    assert [each["role"] for each in json.loads(text.splitlines()[0])["messages"]] == ["user", "assistant"]
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'made' / 'english.jsonl'}\n" * 2
    assert "4 conversations; left out: 1 repeated, 1 without an answer\n" in printed.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("conversations: [a", "bad.yml is no YAML: "), ("[a]", "bad.yml holds no list of conversations;")],
)
def test_a_file_of_another_form_is_refused(
    text: str,
    sentence: str,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (package / "bad.yml").write_text(text)
    assert call(CHATTERBOT, monkeypatch, "--to", tmp_path / "made") == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "made").exists()


def test_a_missing_package_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CHATTERBOT, "find_spec", lambda name: None)
    assert call(CHATTERBOT, monkeypatch, "--to", tmp_path) == 2
    assert "pip install --no-deps chatterbot-corpus\n" in capsys.readouterr().err
