"""Text inside a message that spells a special token stays text.

The characters that would begin or end such a token are hidden behind placeholders and the conversation is rendered once
more: special tokens that are found then are the template's own. Each placeholder is one character, so that both
renderings have the same length and places.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from runner.data.chat.conversation import Conversation
from runner.data.chat.template import PLACEHOLDERS, ChatTemplate


class SpecialTexts:
    """What spells special tokens, in whole and at its ends; made once for a tokenizer."""

    def __init__(self, specials: Collection[str]) -> None:
        longest_first = sorted(filter(None, specials), key=len, reverse=True)
        self._whole = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._starts = {special[:length] for special in longest_first for length in range(1, len(special))}
        self._ends = {special[-length:] for special in longest_first for length in range(1, len(special))}
        self._longest = len(longest_first[0]) if longest_first else 0

    def places(self, text: str) -> set[int]:
        """Return the characters of a text without which no special token can begin in it, end in it or lie in it."""
        places, start = set(), 0
        while found := self._whole.search(text, start):  # also those that overlap
            places.add(found.start())
            start = found.start() + 1
        # Blanks at the ends of a text may be trimmed away.
        last, first = len(text.rstrip()), len(text) - len(text.lstrip())
        for length in range(1, min(self._longest, last - first + 1)):
            if text[last - length : last] in self._starts:
                places.add(last - length)
            if text[first : first + length] in self._ends:
                places.add(first + length - 1)
        return places


def render_guarded(
    conversation: Conversation, template: ChatTemplate, text: str, specials: SpecialTexts, *, prompt: bool = False
) -> str:
    """Return `text`, the rendering of a conversation, with what could become a special token in a message hidden.

    With `prompt` it was rendered up to where the next answer begins. Where no message holds such text, that is `text`
    itself. Raises ValueError where the template reads the hidden text and so renders something else.
    """
    placeholders: dict[str, str] = {}

    def hide(part: str) -> str:
        places = specials.places(part)
        if not places:
            return part
        return "".join(_placeholder(char, placeholders) if at in places else char for at, char in enumerate(part))

    changed = conversation.with_texts(hide)
    if not placeholders:
        return text
    guarded = template.render(changed.records(), list(changed.tools), prompt=prompt).text
    back = {ord(placeholder): char for char, placeholder in placeholders.items()}
    if guarded.translate(back) != text:
        raise ValueError(
            f"a message holds text that spells a special token, and {template.name} acts on it; change that text"
        )
    return guarded


def _placeholder(char: str, placeholders: dict[str, str]) -> str:
    """The code point that hides a character, a new one where it is the first of its kind."""
    if char not in placeholders:
        if len(placeholders) == len(PLACEHOLDERS):
            raise ValueError("special tokens begin with more characters than can be hidden; use another tokenizer")
        placeholders[char] = PLACEHOLDERS[len(placeholders)]
    return placeholders[char]
