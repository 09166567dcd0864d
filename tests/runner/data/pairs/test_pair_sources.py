"""Preference records in the forms of the field, as `datasets` writes them: what is prompt, chosen and rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.data.sources import Dialogue, Document, Pair, Skipped, find_source
from runner.failure import ExitCode, Failure
from schema.sections.data import Data

RECORDS = Path(__file__).parent / "records"
COLOURS = [("user", "What colour?", None)], [("assistant", "Blue.", None)], [("assistant", "Green.", None)]
GREETED = [("user", "Hi", None), ("assistant", "Hello.", 0), ("user", "Who?", None)]

# File, keys of data/sources, and of each record the prompt, the chosen and the rejected answer.
FORMS: dict[str, tuple[dict[str, str], list[tuple[Any, Any, Any]]]] = {
    "standard.jsonl": ({}, [("The sky is", " blue.", " green."), ("The sun is", " in the sky.", " in the sea.")]),
    "transcripts.jsonl": (
        {},
        [
            ("\n\nHuman: Is it late?\n\nAssistant:", " It is nine.", " It is."),
            ("\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Who?\n\nAssistant:", " A cat.", " No."),
        ],
    ),
    "conversational.parquet": (
        {"prompt": "prompt"},
        [
            COLOURS,
            (
                [("system", "Be brief.", None), ("user", "Why?", None)],
                [("assistant", "So.", None)],
                [("assistant", "Because it is so.", None)],
            ),
        ],
    ),
    "implicit.parquet": (
        {"chosen": "chosen"},
        [COLOURS, (GREETED, [("assistant", "A cat.", None)], [("assistant", "No.", None)])],
    ),
    "binarized.parquet": ({}, [COLOURS]),
    "speakers.jsonl": ({"prompt": "conversations"}, [COLOURS]),
}


def entries(path: Path, *styles: str, **keys: str) -> list[Any]:
    data = Data.model_validate({"sources": {"x": {"path": str(path), **keys}}})
    source = find_source("x", data, styles or ("CONTRASTIVE",))
    assert source is not None
    return list(source.documents())


def divided(pair: Pair) -> tuple[Any, Any, Any]:
    """The prompt of both sides, and what is behind it; of a message its role, content and weight."""
    if isinstance(pair.chosen, Document) and isinstance(pair.rejected, Document):
        assert pair.chosen.prompt == pair.rejected.prompt
        return pair.chosen.prompt, pair.chosen.completion, pair.rejected.completion
    assert isinstance(pair.chosen, Dialogue)
    assert isinstance(pair.rejected, Dialogue)
    chosen, rejected = (
        [(message.role, message.content, dict(message.others).get("weight")) for message in side.conversation.messages]
        for side in (pair.chosen, pair.rejected)
    )
    shared = next(place for place, (one, other) in enumerate(zip(chosen, rejected, strict=False)) if one != other)
    assert chosen[:shared] == rejected[:shared]
    return chosen[:shared], chosen[shared:], rejected[shared:]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_what_is_asked_and_what_is_answered(name: str) -> None:
    keys, expected = FORMS[name]
    assert [divided(entry) for entry in entries(RECORDS / name, **keys) if isinstance(entry, Pair)] == expected


def reason(tmp_path: Path, record: dict[str, Any], **keys: str) -> str:
    """Why a record is left out, or its source refused."""
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(record) + "\n")
    try:
        return next(entry.reason for entry in entries(path, **keys) if isinstance(entry, Skipped))
    except Failure as failure:
        assert failure.exit_code is ExitCode.INVALID
        return str(failure).removeprefix(f"{path}:1: ")


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


ASKED = "\n\nHuman: a\n\nAssistant:"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "a", "chosen": "b", "rejected": "b"}, "with chosen equal to rejected"),
    ({"prompt": "a", "chosen": " ", "rejected": "b"}, "with an empty chosen answer"),
    ({"prompt": "a", "chosen": "b", "rejected": ""}, "with an empty rejected answer"),
    ({"chosen": f"{ASKED} b", "rejected": "\n\nHuman: c\n\nAssistant: b"}, "with different prompts on both sides"),
    ({"chosen": [user("a"), answer("b")], "rejected": [user("a"), answer("b")]}, "with chosen equal to rejected"),
    ({"chosen": [user("a"), answer("")], "rejected": [user("a"), answer("b")]}, "with an empty chosen answer"),
    ({"chosen": [user("a"), answer("b")], "rejected": []}, "with an empty rejected answer"),
    ({"chosen": [user("a"), answer("b")], "rejected": [user("a")]}, "with an empty rejected answer"),
    (
        {"chosen": [user("a"), answer("b")], "rejected": [user("c"), answer("b")]},
        "with different prompts on both sides",
    ),
    (
        {"chosen": [user("a"), answer("b"), user("c"), answer("d")], "rejected": [user("a"), answer("e")]},
        "with different prompts on both sides",
    ),
    (
        {"prompt": "a", "chosen": None, "rejected": "b"},
        "field 'chosen' must be a text or a list of messages, not null",
    ),
    (
        {"prompt": "a", "chosen": "b", "rejected": [answer("c")]},
        "'chosen' is a text, 'rejected' a list of messages; make both alike",
    ),
    (
        {"chosen": "It is nine.", "rejected": "It is."},
        "there is no prompt, and where the answer begins in 'chosen' is not sure; write prompt: FIELD, the field of "
        "what stands before both answers, or transcripts whose turns begin with '\\n\\nHuman:' and '\\n\\nAssistant:'",
    ),
    (
        {"chosen": [answer("b")], "rejected": [answer("c")]},
        "both answers stand without what was asked; write prompt: FIELD, the field that holds it",
    ),
    (
        {"prompt": "z", "chosen": [user("a"), answer("b")], "rejected": [user("a"), answer("c")]},
        "what 'prompt' says is not asked in 'chosen' and 'rejected'; leave one of the two out of the file",
    ),
    (
        {"chosen": [user("a"), {"role": "assistant"}], "rejected": [user("a"), answer("c")]},
        "'chosen': message 2 (assistant) has no content; write content: \"\" for an empty answer, or tool_calls",
    ),
    (
        {"prompt": "a", "chosen_response": "b", "rejected_response": "c"},
        "a record needs fields 'prompt', 'chosen' and 'rejected'; it has 'prompt', 'chosen_response', "
        "'rejected_response'; write prompt: prompt, chosen: chosen_response, rejected: rejected_response under "
        "data/sources/x",
    ),
    (
        {"question": "a", "answer": "b"},
        "a record needs fields 'chosen' and 'rejected'; it has 'question', 'answer'; name the fields of both answers "
        "under data/sources/x, or write another style",
    ),
]


@pytest.mark.parametrize(("record", "expected"), REFUSED)
def test_what_is_no_pair_is_left_out_or_refused(tmp_path: Path, record: dict[str, Any], expected: str) -> None:
    assert reason(tmp_path, record) == expected


def test_all_pairs_of_a_source_are_of_one_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    records = [
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"prompt": "a", "chosen": [answer("b")], "rejected": [answer("c")]},
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(Failure, match=r"x\.jsonl:2: these answers are lists of messages, and those before texts"):
        entries(path)


@pytest.mark.parametrize(
    ("style", "keys", "expected"),
    [
        ("PADDED", {"chosen": "chosen"}, "data/sources/x names chosen, and style PADDED reads no pairs of answers"),
        ("CONTRASTIVE", {"messages": "chosen"}, "data/sources/x names messages, and style CONTRASTIVE reads pairs of"),
        ("CONTRASTIVE", {"completion": "chosen"}, "data/sources/x names completion, and style CONTRASTIVE reads pairs"),
        ("PADDED", {}, "write completion: chosen under data/sources/x to learn the better of two answers"),
    ],
)
def test_pairs_are_read_in_their_own_style_only(style: str, keys: dict[str, str], expected: str) -> None:
    with pytest.raises(Failure) as caught:
        entries(RECORDS / "standard.jsonl", style, **keys)
    assert expected in str(caught.value)


def test_the_better_answers_alone_are_learned_by_name() -> None:
    texts = entries(RECORDS / "standard.jsonl", "PADDED", completion="chosen")
    assert [entry.completion for entry in texts if isinstance(entry, Document)] == [" blue.", " in the sky."]
    talks = entries(RECORDS / "implicit.parquet", "PADDED", messages="chosen")
    assert [len(entry.conversation.messages) for entry in talks if isinstance(entry, Dialogue)] == [2, 4]
