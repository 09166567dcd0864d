"""LR801 against a reader of YAML 1.1: what differs is told, and the fix is read alike by both."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.document import Document, read_document
from schema.fixes.apply import fix_text
from schema.lint import lint_text
from schema.rules.loader_dependent_scalar import check
from schema.text.scalars import number, spelled

SLUG = "loader-dependent-scalar"
PYYAML = pytest.importorskip("yaml")  # flax needs it


def told(text: str) -> list[str]:
    return [found.message for found in lint_text(text, "s").diagnostics if found.slug == SLUG]


def old(text: str) -> object:
    """What PyYAML, a reader of YAML 1.1, makes of a plain value."""
    return PYYAML.safe_load(text)


@pytest.mark.parametrize(
    ("key", "written", "portable"),
    [
        ("grad_clip", "010", "10.0"),
        ("grad_clip", "+0_12", "12.0"),
        ("lora/rank", "016", "16"),
        ("lora/rank", "+016", "16"),
    ],
)
def test_a_number_is_written_so_that_both_read_it(key: str, written: str, portable: str) -> None:
    names = key.split("/")
    before, after = (
        f"optimization: {'{'.join(f'{name}: ' for name in ('', *names))[2:]}{text}{'}' * len(names)}\n"
        for text in (written, portable)
    )
    assert number(written) == number(portable) == old(portable)
    assert old(written) != number(written)
    assert fix_text(before, lambda text: lint_text(text, "s")).text == after


@pytest.mark.parametrize("lr", ["6e-4", "3E-4", "1.5e-4", ".3e-3", "1_0e-5", "3.0e-4", "0.0003"])
def test_a_rate_as_everybody_writes_it_is_passed_over(lr: str) -> None:
    assert told(f"optimization: {{lr: {lr}, lora: {{lr: {lr}}}}}") == []


@pytest.mark.parametrize(
    "text", ["300_000_000", "300M", "0x10", "+1", "0", "00", "1.", ".5", "1.0e-4", "1e", "never", "1e9", "0o17"]
)
def test_what_both_read_alike_or_neither_reads_is_passed_over(text: str) -> None:
    assert told(f"training: {{tokens: {text}}}") == []


@pytest.mark.parametrize("word", ["no", "No", "NO", "on", "Yes", "off", "y", "N"])
def test_a_word_that_was_a_truth_value_is_told_where_it_is_a_name(word: str) -> None:
    assert len(told(f"data: {{sources: {{{word}: {{path: a.txt}}}}}}")) == 1
    assert told(f"data: {{sources: {{'{word}': {{path: a.txt}}}}}}") == []


def test_a_value_that_was_refused_has_one_finding() -> None:
    assert told("training: {validation: yes, warmup_pct: 3e4, batch_size: 1:30}") == []


def test_a_set_argument_is_read_by_no_one_else() -> None:
    assert [
        found.slug for found in lint_text("{}", "s", ["optimization/lr=3e-4"]).diagnostics if found.slug == SLUG
    ] == []


def document(text: str) -> Document:
    return read_document(f"optimization: {{grad_clip: {text}}}".encode(), "s")


@settings(max_examples=300)
@given(st.from_regex(r"\A[0-9_]{0,3}\.?[0-9]{0,2}([eE][-+]?[0-9]{1,2})?\Z"))
def test_a_number_is_told_exactly_where_the_old_reader_has_another_one(text: str) -> None:
    found = document(text)
    if not text or not found.available("optimization/grad_clip"):
        return
    other = not isinstance(old(text), str) and old(text) != float(number(text) or 0)
    assert bool(list(check(found))) == other


@given(st.floats(1e-99, 1e99))
def test_a_spelled_number_is_read_alike_by_both(value: float) -> None:
    assert old(spelled(value)) == value
    assert float(number(spelled(value)) or 0) == value
