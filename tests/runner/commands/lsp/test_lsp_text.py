"""What the language server makes of places, fixes and rules, without a client."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from runner.commands.lsp.actions import code_actions
from runner.commands.lsp.text import Text
from schema.docs.rules import address
from schema.lint import lint_text
from schema.rules import RULES

ROOT = Path(__file__).resolve().parents[4]
SPEC = """\
tokenizer: {backend: byte}
training:
  pre_lora_tokens: [262_144_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: pmd}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: padded}]]
  seed: 1 # pmd"""


@pytest.mark.parametrize(("unit", "character"), [("utf-8", 13), ("utf-16", 10), ("utf-32", 9)])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_places_are_counted_in_the_units_of_the_client(unit: str, character: int, line_end: str) -> None:
    text = Text(line_end.join(["# one", "x-n: 🦊 é: y", "z: 1"]), unit)
    assert text.to_client(2, 10) == types.Position(1, character)
    assert text.from_client(text.to_client(2, 10)) == (1, 9)
    assert text.to_client(9, 9) == types.Position(2, 4)


@pytest.mark.parametrize(("unit", "mark"), [("utf-8", 3), ("utf-16", 1), ("utf-32", 1)])
def test_a_byte_order_mark_is_a_letter_to_the_client_alone(unit: str, mark: int) -> None:
    text = Text("\ufeffseed: 1\nlr: 2", unit)
    assert text.lines == ("seed: 1", "lr: 2")
    assert text.to_client(1, 7) == types.Position(0, mark + 6)
    assert text.from_client(types.Position(0, mark + 6)) == (0, 6)
    assert text.from_client(types.Position(0, 0)) == (0, 0)
    assert text.to_client(2, 5) == types.Position(1, 4)


def test_all_that_is_safe_is_fixed_in_a_text_with_other_line_ends_and_none_at_its_end() -> None:
    text = Text(SPEC.replace("\n", "\r\n"), "utf-16")
    nowhere = types.Range(types.Position(0, 0), types.Position(0, 0))
    (action,) = code_actions(text, "file:///spec.yaml", lint_text, nowhere, ["source.fixAll"])
    assert action.edit is not None
    assert action.edit.changes is not None
    edits = action.edit.changes["file:///spec.yaml"]
    assert [(edit.range.start.line, edit.range.end.line) for edit in edits] == [(3, 4), (5, 6)]
    assert [edit.new_text for edit in edits] == [
        "  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]\r\n",
        "  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED}]]\r\n",
    ]


def test_every_rule_has_a_section_that_its_findings_lead_to() -> None:
    page = (ROOT / "schema" / "docs" / "RULES.md").read_text(encoding="utf-8")
    assert address("style-case") == f"{(ROOT / 'schema' / 'docs' / 'RULES.md').as_uri()}#style-case"
    assert [rule.SLUG for rule in RULES if f"\n### {rule.SLUG}\n" not in page] == []
