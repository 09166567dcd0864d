"""Whether there is something to learn of an entry, and what is said of a source that teaches nothing.

An empty completion would be learned as its end token alone, and makes a model that answers nothing; so does one of
blanks. It is left out by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.data.sources import WORTHLESS_PAIRS, Document, Example, Pair, counted
from schema.rules.conversations_not_padded import ALL

EMPTY, NO_COMPLETION, NO_ANSWER = "empty", "with an empty completion", "with an empty answer"
SAME_TOKENS = "with sides of the same tokens"
NO_TOKEN = "without a supervised token"  # a conversation whose answers have weight 0, say
COPIES = "copied from an earlier entry"  # with data/deduplicate
TRAINED = "to validate on that are trained on, too"


def left_out(entry: Example, train_on: str) -> str | None:
    """Return why an entry is left out, None where it teaches something; `train_on` is that of the section `chat`.

    Reading has left out the pairs that teach nothing.
    """
    if isinstance(entry, Pair):
        return None
    if isinstance(entry, Document):
        if entry.prompt:
            return None if entry.completion.strip() else NO_COMPLETION
        return None if entry.completion else EMPTY
    if train_on == ALL:
        return None
    messages = entry.conversation.messages
    answers = [messages[index] for index in entry.conversation.answers()]
    learned = [each for each in (answers[-1:] if train_on == "last" else answers) if not each.is_silenced]
    return NO_ANSWER if any(answer.is_empty for answer in learned) else None


def nothing_to_learn(name: str, skipped: Mapping[str, int], conversations: bool) -> str:
    """Return the refusal of a dataset of which nothing is left; `skipped` counts what was left out, by reason."""
    lacking = "conversation with a supervised token" if conversations else "text"
    if any(reason.startswith(NO_COMPLETION) for reason in skipped):
        lacking = "completion to learn"
    if any(reason.startswith(NO_ANSWER) for reason in skipped):
        lacking = "answer to learn"
    if any(reason.startswith((*WORTHLESS_PAIRS, SAME_TOKENS)) for reason in skipped):
        lacking = "pair of two answers to one prompt"
    beside = {reason: entries for reason, entries in skipped.items() if not reason.startswith(NO_TOKEN)}
    remedy = "give it at least one" + (" document" if lacking == "text" else "")
    return f"dataset '{name}' holds no {lacking}{f': left out are {counted(beside)}' if beside else ''}; {remedy}"


def skipped_sentence(name: str, skipped: Mapping[str, int]) -> str:
    """Say what was left out of a store, and why."""
    found = sum(skipped.values())
    return f"dataset '{name}': {found} {'entry was' if found == 1 else 'entries were'} left out: {counted(skipped)}"
