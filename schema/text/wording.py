"""How findings quote the user's text, list choices, say sizes, and find the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST_QUOTE = 60
BYTES = ("KiB", "MiB", "GiB", "TiB", "PiB")


def quote(text: str) -> str:
    """Show user text on one line in single quotes, shortened, with what can't be printed escaped."""
    clipped = text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in clipped)
    return f"'{shown}'"


def join(parts: Sequence[str], word: str) -> str:
    """Join as in a sentence: a, b `word` c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def count(number: int, noun: str) -> str:
    """Say a number of things: 1 error, 2 errors."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, candidates: Iterable[str]) -> list[str]:
    """Return the closest candidates that a slip of the keyboard or of the shift key explains, at most three."""
    reach, lowered = 1 if len(name) < 4 else 2 if len(name) < 10 else 3, name.lower()
    closest: list[str] = []
    for candidate in set(candidates):
        wanted = candidate.lower()
        if _fewest_edits(lowered, wanted) > reach or (edits := distance(lowered, wanted)) > reach:
            continue
        if edits < reach:
            reach, closest = edits, []
        closest.append(candidate)
    return sorted(closest)[:3]


def _fewest_edits(one: str, other: str) -> int:
    """A bound below the distance that costs little: what lengths differ by, and letters that only one of them has."""
    letters, wanted = _letters(one), _letters(other)
    return max(abs(len(one) - len(other)), (letters & ~wanted).bit_count(), (wanted & ~letters).bit_count())


@lru_cache(4096)
def _letters(word: str) -> int:
    """The set of a word's letters, a bit each; two letters may share one, which only lowers the bound."""
    return sum({1 << ord(letter) % 61 for letter in word})


@lru_cache(4096)
def distance(one: str, other: str) -> int:
    """Edits between two words: a letter added, dropped or changed, or two neighbours swapped (Damerau 1964)."""
    if abs(len(one) - len(other)) > 3:
        return abs(len(one) - len(other))
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        above, row = row, [i]
        for j, wanted in enumerate(other, start=1):
            edits = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                edits = min(edits, before[j - 2] + 1)
            row.append(edits)
        before = above
    return row[-1]


def in_words(size: int) -> str:
    """Bytes in the largest binary unit that keeps the number above one: 1.5 GiB."""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, len(BYTES))
    return f"{size / 1024**power:.1f} {BYTES[power - 1]}"
