"""Letters that look like others, or like nothing: which they are, and what was meant in their place.

Copied text brings them along: a web page its no-break spaces, a word processor its dashes and quotation marks, a
keyboard of another script its own a and o.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from schema.text.wording import join

SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u0085"
INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff\u2028\u2029"
)
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u301d\u301e"
SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4"
# Letters of other scripts, each above the one that it looks like.
_CYRILLIC = "аеорсухіјѕһԁӏԛԝкмАВЕКМНОРСТУХІЈЅ"
_AS_LATIN = "aeopcyxijshdlqwkmABEKMHOPCTYXIJS"
_GREEK = "οναρικυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
_TO_LATIN = "ovapikuABEZHIKMNOPTYX"
MEANT: dict[str, str] = {
    **dict.fromkeys(SPACES, " "),
    **dict.fromkeys(INVISIBLE, ""),
    **dict.fromkeys(DASHES, "-"),
    **dict.fromkeys(DOUBLE_QUOTES, '"'),
    **dict.fromkeys(SINGLE_QUOTES, "'"),
    **dict(zip(_CYRILLIC, _AS_LATIN, strict=True)),
    **dict(zip(_GREEK, _TO_LATIN, strict=True)),
    **{chr(ascii_letter + 0xFEE0): chr(ascii_letter) for ascii_letter in range(0x21, 0x7F)},  # full width
    **{"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"},
    **{"\u0131": "i", "\u0251": "a", "\u0261": "g", "\u2215": "/", "\u2044": "/", "\u2024": ".", "\u3002": "."},
    **{"\u3001": ",", "\u02d0": ":", "\ua789": ":", "\u2236": ":", "\u2217": "*"},
}
MOST_NAMED = 3


class Letter(NamedTuple):
    """A letter of a text, and what was meant: nothing where it can't be seen."""

    at: int  # its index in the text
    found: str
    meant: str

    def __str__(self) -> str:
        """U+0430 CYRILLIC SMALL LETTER A."""
        return f"U+{ord(self.found):04X} {unicodedata.name(self.found, 'without a name')}"


def strange(text: str) -> Iterator[Letter]:
    """Yield the letters of a text that were probably not meant, in order."""
    if text.isascii():
        return
    for index, letter in enumerate(text):
        meant = MEANT.get(letter)
        if meant is None and not letter.isascii() and letter.isdecimal():
            meant = str(unicodedata.decimal(letter))
        if meant is not None:
            yield Letter(index, letter, meant)


def in_plain_letters(text: str) -> str:
    """Return a text with what was meant in place of every such letter."""
    found = {letter.at: letter.meant for letter in strange(text)}
    return "".join(found.get(index, letter) for index, letter in enumerate(text)) if found else text


def mixes_scripts(text: str) -> bool:
    """Whether such a letter stands beside a Latin one, in the same word."""
    word = ""
    for letter in [*text, " "]:
        if letter.isalpha():
            word += letter
            continue
        if word and not word.isascii() and any(each.isascii() for each in word):
            strangers = [each for each in word if not each.isascii()]
            if any(each in MEANT for each in strangers):
                return True
        word = ""
    return False


def named(found: list[Letter], place: str = "letter") -> str:
    """Say which letters stand where: U+0430 CYRILLIC SMALL LETTER A as letter 2."""
    preposition = "as" if place == "letter" else "in"
    places: dict[str, list[str]] = {}
    for letter in found:
        places.setdefault(str(letter), []).append(str(letter.at + 1))
    said = [
        f"{name} {preposition} {place}{'s' if len(at) > 1 else ''} {join(at[:MOST_NAMED], 'and')}"
        + (f" and {len(at) - MOST_NAMED} more" if len(at) > MOST_NAMED else "")
        for name, at in places.items()
    ]
    return join(said[:MOST_NAMED] or [""], "and") + (" and others" if len(said) > MOST_NAMED else "")


def instead(found: list[Letter]) -> str:
    """Say what to write in their place."""
    meant = list(dict.fromkeys(letter.meant for letter in found))
    if len(meant) > 1:
        return "write plain letters"
    code = f"U+{ord(meant[0][:1] or ' '):04X}"
    shown = {"": "remove it", " ": "write a space"}.get(meant[0], f"write {meant[0]} ({code})")
    return shown if len(found) == 1 else shown.replace("remove it", "remove them")
