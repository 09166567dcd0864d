"""Brackets and quotation marks of one line: which stay open, which close nothing, and the line with them closed."""

from __future__ import annotations

from schema.text.wording import LONGEST_QUOTE, quote

OPENING = {"[": "]", "{": "}"}


def rewritten(text: str) -> str:
    """The remedy that gives a line anew: all of it, or where it is long its last words."""
    words = text.strip().split(" ")
    what = "the line" if len(text.strip()) <= LONGEST_QUOTE else "the end of the line"
    while len(words) > 1 and len(" ".join(words)) > LONGEST_QUOTE:
        words.pop(0)
    return f"write {what} as {quote(' '.join(words))[1:-1]}"


def balanced(code: str) -> tuple[str, int | None, bool]:
    """A line with its brackets closed, where the first slip stands, and whether that is an open quotation mark."""
    waiting: list[int] = []
    quoted, first, text = None, None, ""
    for index, letter in enumerate(code):
        if quoted is not None:
            quoted = None if letter == code[quoted] else quoted
        elif letter in "'\"" and (index == 0 or code[index - 1] in " [{,:"):
            quoted = index
        elif letter in OPENING:
            waiting.append(index)
        elif letter in OPENING.values():
            meant = [place for place in waiting if OPENING[code[place]] == letter]
            if not meant:
                first = index if first is None else first
                continue
            while waiting[-1] != meant[-1]:
                first = waiting[-1] if first is None else first
                text += OPENING[code[waiting.pop()]]
            waiting.pop()
        text += letter
    if quoted is not None:
        return text, quoted, True
    if waiting:
        first, text = waiting[-1] if first is None else first, text.rstrip(",")
    return text + "".join(OPENING[code[place]] for place in reversed(waiting)), first, False
