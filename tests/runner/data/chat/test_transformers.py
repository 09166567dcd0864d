"""Ids and masks of the golden conversations are Transformers', by each built-in template and by one without marks.

Text in messages that spells special tokens is the exception: there it becomes those tokens, here it stays text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.data.chat.conversation import read_conversation
from runner.data.chat.template import compile_template
from runner.data.chat.templates import BUILTIN, load_template
from tests.runner.data.chat import goldens

transformers = pytest.importorskip("transformers", reason="pip install '.[peers]' to compare with Transformers")

CASES = [case for case in goldens.cases() if case.parent.name == "conversations"]


def theirs(record: dict[str, Any], source: str) -> tuple[list[int], list[int]]:
    """Ids and mask by Transformers. Raises its errors where a template refuses."""
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=goldens.tokenizer(), eos_token="</s>")
    read = read_conversation(record, "conversations" if "conversations" in record else "messages")
    found = made.apply_chat_template(
        read.records(),
        tools=record.get("tools"),
        chat_template=source,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    return found["input_ids"], found["assistant_masks"]


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_ids_and_mask_are_those_of_transformers(case: Path, name: str) -> None:
    record = json.loads(case.read_text(encoding="utf-8"))
    template = load_template(name, goldens.TOKENS)
    try:
        _, own = goldens.encode(record, template)
    except ValueError:
        with pytest.raises(Exception, match=r"it has no tools|it has text or a tool call"):
            theirs(record, template.source)
        return
    ids, mask = theirs(record, template.source)
    if case.stem == "special_text":
        text = goldens.tokenizer().decode(ids, skip_special_tokens=False)
        assert text == goldens.tokenizer().decode(own.ids, skip_special_tokens=False)
        assert len(ids) < len(own.ids)
        return
    assert (list(own.ids), [int(learned) for learned in own.supervised]) == (ids, mask)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_without_marks_the_ids_are_the_same_and_transformers_has_no_mask(case: Path) -> None:
    record = json.loads(case.read_text(encoding="utf-8"))
    marked = load_template("chatml", goldens.TOKENS).source
    source = marked.replace("{%- generation %}", "").replace("{%- endgeneration %}", "")
    _, own = goldens.encode(record, compile_template(source, "T", goldens.TOKENS))
    assert own == goldens.encode(record, load_template("chatml", goldens.TOKENS))[1]
    if case.stem != "special_text":
        assert list(own.ids) == theirs(record, source)[0]
