"""What texts mean, as YAML types and as numbers."""

from __future__ import annotations

from math import inf, isnan

import pytest

from schema.text.scalars import number, resolve

# text, its YAML type when plain, its value where a number is wanted
SPELLINGS = [
    ("", None, None),
    ("~", None, None),
    ("null", None, None),
    ("NULL", None, None),
    ("nil", "nil", None),
    ("true", True, None),
    ("TRUE", True, None),
    ("tRUE", "tRUE", None),
    ("false", False, None),
    ("yes", "yes", None),
    ("no", "no", None),
    ("on", "on", None),
    ("0", 0, 0),
    ("-0", 0, 0),
    ("+5", 5, 5),
    ("-17", -17, -17),
    ("0512", 512, 512),
    ("0x1F", 31, 31),
    ("0x1B", 27, 27),
    ("0o17", 15, 15),
    ("0b11", "0b11", None),
    ("300_000_000", 300_000_000, 300_000_000),
    ("1__0", "1__0", None),
    ("_1", "_1", None),
    ("1_", "1_", None),
    ("3e8", 3e8, 300_000_000),
    ("1e-5", 1e-5, 1e-5),
    ("3.0e-4", 3e-4, 3e-4),
    ("1E+2", 100.0, 100),
    (".5", 0.5, 0.5),
    ("5.", 5.0, 5),
    ("1.50", 1.5, 1.5),
    ("0.1", 0.1, 0.1),
    ("16.0", 16.0, 16),
    ("300M", "300M", 300_000_000),
    ("1.5B", "1.5B", 1_500_000_000),
    ("2K", "2K", 2_000),
    ("400k", "400k", 400_000),
    ("1.5k", "1.5k", 1_500),
    ("1_000k", "1_000k", 1_000_000),
    ("400 k", "400 k", None),
    ("0.5T", "0.5T", 500_000_000_000),
    ("1.2345K", "1.2345K", 1234.5),
    ("300m", "300m", None),
    ("300 M", "300 M", None),
    ("1,000", "1,000", None),
    ("1.2.3", "1.2.3", None),
    ("2024-01-01", "2024-01-01", None),
    ("1:30", "1:30", None),
    ("e5", "e5", None),
    (".", ".", None),
    ("-", "-", None),
    (".inf", inf, inf),
    ("-.INF", -inf, -inf),
    ("9" * 500, inf, inf),
    ("-1e999", -inf, -inf),
    ("1e99999999999", inf, inf),
    ("0e99999999999", 0.0, 0),
    ("٣", "٣", None),
]


@pytest.mark.parametrize(("text", "plain", "wanted"), SPELLINGS, ids=lambda value: repr(value)[:20])
def test_a_text_has_its_meaning(text: str, plain: object, wanted: float | None) -> None:
    assert resolve(text) == plain
    assert type(resolve(text)) is type(plain)
    assert number(text) == wanted
    assert type(number(text)) is type(wanted)


@pytest.mark.parametrize("text", [".nan", "1e-400", "1e-9999999999"])
def test_a_number_that_cannot_be_held_is_nan(text: str) -> None:
    value = number(text)
    assert value is not None
    assert isnan(value)


def test_suffixes_are_exact() -> None:
    assert number("1.000000001B") == 1_000_000_001
    assert number("123456789.123456789B") == 123456789123456789
