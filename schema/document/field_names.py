"""How the fields of records are called in the field, and which keys of data/sources they ask for.

A guess is said to the user, or written by `init`; nothing is read by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

CONVERSATION_FIELDS = ("messages", "conversations")
# The unsupervised and the supervised part of an example, most usual first.
PAIRS = (
    *(("prompt", "completion"), ("prompt", "response"), ("question", "answer"), ("question", "completion")),
    *(("instruction", "output"), ("instruction", "response"), ("input", "output"), ("query", "response")),
    *(("problem", "solution"), ("q", "a"), ("source", "target")),
)
TEXTS = ("text", "content", "document", "body")
# An instruction, what it is about, and its answer; without the second they are a pair.
TASK = ("instruction", "input", "output")
# Names of fields whose text belongs to a conversation, or to an example, wherever it is not read. What a conversation
# was made from, a problem or an answer, is no part of it. A source often is a name or an address, and `a`
# one of many choices.
BESIDE_CONVERSATION = {
    *TEXTS,
    *("context", "system", "system_prompt", "passage", "reasoning", "rationale", "explanation", "hint", "thinking"),
    *("reply", "message"),
}
CONTENT = {*(name for pair in PAIRS[:-2] for name in pair), *BESIDE_CONVERSATION}
# The preferred and the other answer of a pair, most usual first.
SIDES = (
    *(("chosen", "rejected"), ("chosen_response", "rejected_response"), ("response_chosen", "response_rejected")),
    *(("preferred", "dispreferred"), ("accepted", "rejected"), ("win", "lose"), ("response_j", "response_k")),
)
PROMPTS = ("prompt", "question", "instruction", "query", "input", "conversations")
# Answers in each other's place, of which an example has one: those of preference data, or all that a teacher gave.
ALTERNATIVES = {"chosen", "rejected", "generations"}
# Text that says which record it is, or whence it is, and teaches nothing.
LABELS = {"id", "uuid", "url", "link", "date", "timestamp", "lang", "language", "split", "source", "label"}
USUAL = {
    **dict.fromkeys(("prompt", "instruction"), tuple(first for first, _ in PAIRS)),
    **dict.fromkeys(("completion", "output"), tuple(second for _, second in PAIRS)),
}


def plain(name: str) -> str:
    """Return the name of a field without blanks around it and without capital letters."""
    return name.strip().casefold()


def guess(fields: Collection[str]) -> dict[str, str]:
    """Return the field of each key of data/sources that records with these fields ask for; empty where none is near.

    Blanks around a name and its capital letters do not count. What stands beside a prompt alone is its completion.
    """
    known = {plain(name): name for name in reversed([*fields])}
    talk = next((known[name] for name in CONVERSATION_FIELDS if name in known), None)
    if talk is not None:
        return {"messages": talk}
    if set(TASK) <= known.keys():
        return {name: known[name] for name in TASK}
    pair = next((pair for pair in PAIRS if set(pair) <= known.keys()), None)
    if pair is None and len(known) == 2 and (first := next((one for one, _ in PAIRS if one in known), None)):
        pair = first, next(name for name in known if name != first)
    if pair is not None:
        return dict(zip(PAIRS[0], (known[name] for name in pair), strict=True))
    text = next((known[name] for name in TEXTS if name in known), None)
    return {} if text is None else {"text": text}


def guess_sides(fields: Collection[str]) -> dict[str, str]:
    """Return the fields of a prompt, where there is one, and of two answers to it; empty where none are near."""
    known = {plain(name): name for name in reversed([*fields])}
    sides = next((pair for pair in SIDES if set(pair) <= known.keys()), None)
    if sides is None:
        return {}
    prompt = next((known[name] for name in PROMPTS if name in known), None)
    found = dict(zip(SIDES[0], (known[name] for name in sides), strict=True))
    return found if prompt is None else {"prompt": prompt, **found}


def guess_by_place(texts: Collection[str]) -> dict[str, str]:
    """Return a guess of fields that hold text and have no usual name: two are prompt and completion, one is a text."""
    found = [name for name in texts if plain(name) not in LABELS]
    if len(found) == 2:
        return dict(zip(PAIRS[0], found, strict=True))
    return {"text": found[0]} if len(found) == 1 else {}


def guess_missing(reading: Mapping[str, str], fields: Collection[str], texts: Collection[str]) -> dict[str, str]:
    """Return a reading with its one field that is not there replaced by the text that may be meant; empty for none.

    That is what has a usual name, else the only text that the reading leaves.
    """
    missing = [key for key, field in reading.items() if field not in fields]
    left = [name for name in texts if name not in reading.values() and plain(name) not in LABELS]
    if len(missing) != 1:
        return {}
    usual = [name for each in USUAL.get(missing[0], ()) for name in left if plain(name) == each]
    found = next(iter([*usual, *(left if len(left) == 1 else [])]), None)
    return {} if found is None else {**reading, missing[0]: found}


def guess_prompt(fields: Collection[str], completion: str) -> str | None:
    """Return the field that may hold the prompt of a completion: one that is called so, else the only other one."""
    others = [name for name in fields if name != completion]
    called = [first for first, _ in PAIRS]
    usual = [name for first in called for name in others if plain(name) == first]
    return next(iter([*usual, *(others if len(others) == 1 else [])]), None)
