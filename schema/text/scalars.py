"""What a piece of YAML text means: YAML 1.2's core types, and the wider spellings of numbers.

Numbers are exact here: 1.5B is the integer 1500000000, never a rounded product.
"""

from __future__ import annotations

import json
import re
from math import inf, nan
from typing import Any

Value = bool | int | float | str | None

NULLS = ("", "~", "null", "Null", "NULL")
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
YES, NO = ("yes", "on", "y", "true"), ("no", "off", "n", "false")  # what other readers of YAML take for a boolean
SUFFIXES = {"": 0, "k": 3, "K": 3, "M": 6, "B": 9, "T": 12}
# Beyond this many digits a number is read as infinite: no key comes near it, and a float still holds it.
MOST_DIGITS = 300

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)(?:(?P<whole>{_DIGITS})(?:\.(?P<part>(?:{_DIGITS})?))?|\.(?P<tail>{_DIGITS}))"
    r"(?:[eE](?P<power>[-+]?[0-9]+))?(?P<suffix>[kKMBT]?)"
)
# The numbers that YAML 1.2 and JSON take for text: those with a suffix or with underscores. ECMA 262 reads it too.
NUMBER_AS_TEXT = (
    r"^[-+]?(?=.*[_kKMBT])([0-9]+(_[0-9]+)*(\.([0-9]+(_[0-9]+)*)?)?|\.[0-9]+(_[0-9]+)*)([eE][-+]?[0-9]+)?[kKMBT]?$"
)
_FIRST = tuple("+-.0123456789")  # characters of a number
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")  # text that needs no quotes, wherever it stands
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_SPECIAL = re.compile(r"(?P<sign>[-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def resolve(text: str) -> Value:
    """Give a plain scalar its core type: null, true, false, a number, or else text; 300M is text here."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    found = number(text)
    written = _NUMBER.fullmatch(text)
    if found is None or (written and written["suffix"]):
        return text
    fractional = written is not None and ("." in text or written["power"] is not None)
    return float(found) if fractional and abs(found) < 1e300 else found


def number(text: str) -> int | float | None:
    """Read a number, suffixes included, or return None; whole numbers are int whatever their spelling.

    A number too large to mean anything is ±inf, one too small for a float is nan: callers refuse both.
    """
    if text[:1] not in _FIRST:
        return None
    special = _SPECIAL.fullmatch(text)
    if special:
        return nan if special["sign"] is None else -inf if special["sign"] == "-" else inf
    if _BASED.fullmatch(text):
        return int(text, 0) if len(text) <= MOST_DIGITS else inf
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    part = (found["part"] or found["tail"] or "").replace("_", "")
    digits = ((found["whole"] or "").replace("_", "") + part).lstrip("0")
    power = found["power"] or "0"
    if not digits:
        return 0
    if len(power) > 6 or len(digits) > MOST_DIGITS:
        return nan if power.startswith("-") else -inf if found["sign"] == "-" else inf
    exponent = int(power) + SUFFIXES[found["suffix"]] - len(part)
    return _scaled(found["sign"], digits, exponent)


def _scaled(sign: str, digits: str, exponent: int) -> int | float:
    significant = digits.rstrip("0")
    exponent += len(digits) - len(significant)
    if len(significant) + exponent > MOST_DIGITS:
        return -inf if sign == "-" else inf
    if exponent >= 0:
        return int(f"{sign}{significant}" + "0" * exponent)
    rounded = float(f"{sign}{significant}e{exponent}")
    return rounded or nan


def spelled(value: float) -> str:
    """Write a number so that every YAML reader takes it for one: 3.0e-5, which Python writes 3e-05."""
    mantissa, _, power = repr(value).partition("e")
    if not power:
        return mantissa
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{int(power):+d}"


def written(value: Any) -> str:
    """Write a value as YAML on one line, numbers as people write them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and resolve(value) == value and value.lower() not in (*YES, *NO)
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 100_000 else str(value)
    return spelled(value)
