"""Which values of a line are meant as text though they begin with a sign of YAML's, and where they end."""

from __future__ import annotations

import pytest

from schema.check.unquoted import find_unquoted, with_quotes
from schema.lint import lint_text


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("path: *.txt", ["*.txt"]),
        ("path: *.txt # all", ["*.txt"]),
        ("{a: {path: *.txt}, b: {path: **/*.jsonl, text: body}}", ["*.txt", "**/*.jsonl"]),
        ("- [*.attn, 'mlp', *.mlp]", ["*.attn", "*.mlp"]),
        ("- *.attn", ["*.attn"]),
        ("path: [ab]/[cd].txt", ["[ab]/[cd].txt"]),
        ("{path: {a,b}.txt}", ["{a,b}.txt"]),
        ("path: *a, b", ["*a, b"]),
        # What is YAML, or may be.
        ("dataset: *base", []),
        ("dataset: [*base, *more]", []),
        ("<<: [*a, *b]", []),
        ("rates: [1, 2]", []),
        ("rates: [1, 2] # two", []),
        ("lora: {rank: 8}", []),
        ("lora: {rank: 8,", []),
        ("? complex key", []),
        ("path: '*.txt'", []),
        ("path: data/*.txt", []),
        ("path: *it's", []),
    ],
)
def test_values_that_are_text_are_found_and_no_others(line: str, values: list[str]) -> None:
    found = [*find_unquoted(line)]
    assert [value.text for value in found] == values
    quoted = with_quotes(line, found)
    assert [*find_unquoted(quoted)] == []
    assert quoted.replace("'", "") == line.replace("'", "")


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("data/sources/tales/path=*.txt", "--set \"data/sources/tales/path='*.txt'\""),
        ("data/sources/tales/path=[ab].txt", "--set \"data/sources/tales/path='[ab].txt'\""),
        ("optimization/lora/target_modules=*", "--set \"optimization/lora/target_modules='*'\""),
        ("data/root=*base", "put &base before what it repeats, or quote it"),
    ],
)
def test_a_pattern_on_the_command_line_is_told_how_to_be_quoted(argument: str, says: str) -> None:
    (found,) = lint_text("tokenizer: {backend: byte}\n", overrides=[argument]).diagnostics
    assert (found.slug, says in str(found.remedy)) == ("yaml-syntax", True)
