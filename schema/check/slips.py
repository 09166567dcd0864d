"""What a text was meant to be where a number, true or null is wanted: 100%, 1,000,000, 8 rows, 10 B, 2^20, None.

A `Meant` holds the text to write, and whether it can mean nothing else. The value is refused: the user writes
what was meant, or a fix does. Where `never` or null was meant, the rest of the linter judges that.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from schema.text.scalars import SUFFIXES, number, spelled

NO_VALUE = ("none", "nil", "undefined", "nan", "n/a", "off", "no", "false", "disabled", "null", "-")
LARGEST_THAT_FITS = ("auto", "automatic", "max", "all", "any", "null", "none")  # of keys where -1 says so
NEVER = ("never", "off", "no", "none", "false", "disabled", "null", "inf", "infinity")
# Words for a suffix, in small letters.
WORDS = {
    **{name.lower(): name for name in SUFFIXES if name},
    **{"thousand": "K", "thousands": "K", "mio": "M", "mil": "M", "mn": "M", "million": "M", "millions": "M"},
    **{"g": "B", "bn": "B", "billion": "B", "billions": "B", "trillion": "T", "trillions": "T"},
}
LETTERS = ("m", "b", "t", "g")  # which are a suffix where tokens are counted, and may be a unit elsewhere
# Unit of a key → the words for it; a number of another unit is another number.
UNITS = {
    "tokens": "tokens?|toks?|tk",
    "rows": "rows?|examples?|samples?",
    "steps": "steps?",
    "devices": "devices?|gpus?",
    "layers": "layers?",
    "heads": "heads?",
    "features": "features",
    "minutes": "minutes?|mins?",
    "epochs": "epochs?",  # which no key counts
}
# Patterns, compiled when a value is first explained: most specs need none.
MEASURED = rf"(?P<number>[-+]?[0-9][0-9_.,eE+-]*) ?(?P<word>[A-Za-z]+?)?? ?(?P<unit>{'|'.join(UNITS.values())})?"
PERCENT = r"(?P<number>[0-9]+(?:[.,][0-9]+)?) ?(?:%|percent|pct)"
GROUPED = r"[-+]?[1-9][0-9]{0,2}(?P<mark>[,.' \u2009])[0-9]{3}(?:(?P=mark)[0-9]{3})*"
COMMA = r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?"
POWER = r"(?:(?P<factor>[0-9.]+) ?[*x×] ?)?(?P<base>[0-9]+) ?(?:\^|\*\*) ?(?P<power>-?[0-9]+)"
PRODUCT = r"[1-9][0-9_]*(?: ?[*x×] ?[1-9][0-9_]*)+"
RATIO = r"(?P<one>[0-9]+) ?/ ?(?P<other>[0-9]+)"
TIME = r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>s|sec|m|min|h|d)"
MINUTES = {"s": 1 / 60, "sec": 1 / 60, "m": 1, "min": 1, "h": 60, "d": 1440}
LONGEST = 40  # letters of a text in which a number is looked for
MOST_POWER = 64


class Meant(NamedTuple):
    """The text to write; `certain` where it can mean nothing else."""

    text: str
    certain: bool = True


def meant_number(text: str, schema: dict[str, Any]) -> Meant | None:
    """Find the number that a text was meant to be, for a key of this schema; None where that is open."""
    text = text.strip()
    if len(text) > LONGEST:
        return None
    whole, share = schema.get("type") == "integer", schema.get("unit") == "share"
    if schema.get("minimum") == -1 and text.lower() in LARGEST_THAT_FITS:
        return Meant("-1")
    before, mark, comment = text.partition(next((sign for sign in ("#", "//", ";") if sign in text), "#"))
    if mark and comment and number(before.strip()) is not None and number(comment.strip()) is None:
        return Meant(f"{before.strip()}  # {comment.strip()}")
    bare = text.strip("\"'`").rstrip(",;.").strip()
    if bare != text and number(bare) is not None:
        return Meant(bare)
    if share and (found := re.fullmatch(PERCENT, text)):
        return Meant(_plain(Decimal(found["number"].replace(",", ".")) / 100))
    grouped = re.fullmatch(GROUPED, text)
    if grouped and (whole or text.count(grouped["mark"]) > 1):
        return Meant(text.replace(grouped["mark"], "_"))
    if not whole and not grouped and re.fullmatch(COMMA, text):
        return Meant(text.replace(",", "."))
    return _calculated(text, whole) or _measured(text, schema.get("unit", ""))


def meant_truth(text: str) -> str:
    """The boolean that 1, 0, enabled or disabled was meant to be; empty for other texts."""
    known = {"1": "true", "0": "false", "enabled": "true", "enable": "true", "disabled": "false", "disable": "false"}
    return known.get(text.lower(), "")


def meant_nothing(text: str, alternatives: tuple[str, ...]) -> Meant | None:
    """The word for no value, never or null, that a text or a number was meant to be, where a key takes it."""
    word = text.strip().lower()
    if "never" in alternatives and (word in NEVER or number(word) in (0, -1)):
        return Meant("never", word in NEVER)
    if "null" in alternatives and (word in NO_VALUE or number(word) in (0, -1)):
        return Meant("null", word in NO_VALUE)
    return None


def is_of_another_unit(text: str, unit: str) -> bool:
    """Whether a text is a number of what a key does not count: 400 steps, where tokens are wanted."""
    found = re.fullmatch(MEASURED, text, re.IGNORECASE)
    word = found["unit"] if found else None
    return word is not None and not re.fullmatch(UNITS.get(unit, "(?!)"), word, re.IGNORECASE)


def _measured(text: str, unit: str) -> Meant | None:
    """A number with its unit, or with a suffix that is spelt otherwise: 4096 tokens, 10 B, 10 billion, 10b."""
    if unit == "minutes" and (time := re.fullmatch(TIME, text, re.IGNORECASE)):
        return Meant(spelled(round(float(time["number"]) * MINUTES[time["unit"].lower()], 6)).removesuffix(".0"))
    found = re.fullmatch(MEASURED, text, re.IGNORECASE)
    if not found or number(found["number"]) is None or is_of_another_unit(text, unit):
        return None
    word = (found["word"] or "").lower()
    if word and (word not in WORDS or (word in LETTERS and unit not in ("", "tokens"))):
        return None
    return Meant(f"{found['number']}{WORDS.get(word, '')}")


def _calculated(text: str, whole: bool) -> Meant | None:
    """The value of a power, a product or a fraction: 2^20, 8*1024, 3x10^8, 1/3."""
    power, ratio = re.fullmatch(POWER, text), re.fullmatch(RATIO, text)
    try:
        if power and abs(int(power["power"])) <= MOST_POWER:
            value = Decimal(power["factor"] or 1) * Decimal(power["base"]) ** int(power["power"])
        elif re.fullmatch(PRODUCT, text):
            value = Decimal(1)
            for factor in re.split(r" ?[*x×] ?", text):
                value *= Decimal(factor.replace("_", ""))
        elif ratio and not whole and int(ratio["other"]):
            return Meant(spelled(round(int(ratio["one"]) / int(ratio["other"]), 6)))
        else:
            return None
    except (InvalidOperation, ValueError):
        return None
    return Meant(_plain(value)) if not whole or value == value.to_integral_value() else None


def _plain(value: Decimal) -> str:
    """Write a decimal number without a needless power or zeros; large whole ones with underscores."""
    if value == value.to_integral_value():
        return f"{int(value):_}" if value >= 100_000 else str(int(value))
    return spelled(float(value))
