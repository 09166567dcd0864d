"""Damaged specs: whatever the text, there is a verdict, no rule fails, and it is there at once."""

from __future__ import annotations

import random
from functools import partial
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.environment import Environment
from schema.fixes.apply import fix_text
from schema.formats import FORMATS, Report, load_format
from schema.lint import Verdict, lint_bytes, lint_text
from schema.text.diagnostic import Severity
from tests.schema.goldens import SPECS, cases, silent_specs

TEXTS = [path.read_text(encoding="utf-8", errors="replace") for path in (*silent_specs(), *cases())]
TEXTS += [path.read_text(encoding="utf-8") for path in sorted((SPECS.parents[1] / "specs").glob("*.yaml"))]
PIECES = (
    *("", " ", "  ", "\n", "\t", "\r\n", ":", ": ", "- ", "[", "]", "{", "}", ",", "#", "'", '"', "|", ">", "&a", "*a"),
    *("<<: *a", "!!str", "!x", "%YAML 1.3", "---", "...", "?", "~", "null", "true", "no", "0", "-1", "1e400", ".nan"),
    *("9" * 400, "0x", "300M", "1_000", "\x00", "\ufeff", "\u2028", "\x85", "🦊", "x-", "<<", "name", "rate", "0.1"),
)
SLOWEST = 2.0  # seconds for one text; the usual is a thousandth


def damaged(text: str, rng: random.Random) -> str:
    """A text with one to four pieces put in, taken out, doubled or swapped."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 1, 1, 2, 5, 20, 80)))
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:start] + rng.choice(PIECES) + text[end:]
        elif kind == 1:
            text = text[:start] + text[end:]
        elif kind == 2:
            text = text[:end] + text[start:end] + text[end:]
        else:
            other = rng.randrange(len(text) + 1)
            text = text[:other] + text[start:end] + text[other:]
    return text


def encoded(pieces: list[str]) -> bytes:
    return "".join(pieces).encode()


def crashed(verdict: Verdict) -> list[str]:
    return [found.message for found in verdict.diagnostics if found.slug == "rule-crashed"]


@pytest.mark.slow
def test_two_thousand_damaged_specs_have_a_verdict() -> None:
    rng = random.Random(0)
    for number in range(2_000):
        text = damaged(rng.choice(TEXTS), rng)
        start = perf_counter()
        verdict = lint_text(text, "spec.yaml", environment=Environment(devices=8))
        assert perf_counter() - start < SLOWEST, text
        assert crashed(verdict) == [], text
        if number % 20 == 0:
            for layout in FORMATS:
                assert load_format(layout).render(Report(verdict.diagnostics)).encode() or not verdict.diagnostics


@settings(max_examples=2_000)
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=40).map(encoded)))
def test_raw_bytes_have_a_verdict(data: bytes) -> None:
    verdict = lint_bytes(data, "spec.yaml")
    assert crashed(verdict) == []


@pytest.mark.slow
def test_fixes_of_damaged_specs_never_bring_in_an_error() -> None:
    rng = random.Random(7)
    lint = partial(lint_text, name="spec.yaml")
    for _ in range(300):
        text = damaged(rng.choice(TEXTS), rng)
        before, fixed = lint(text), fix_text(text, lint, unsafe=True)
        assert errors(fixed.verdict) <= errors(before), text
        assert lint(fixed.text).diagnostics == fixed.verdict.diagnostics, text


def errors(verdict: Verdict) -> int:
    return sum(found.severity is Severity.ERROR for found in verdict.diagnostics)
