"""Specs of one call that run the same thing."""

from __future__ import annotations

import pytest

from schema.document import Document, read_document
from schema.rules.duplicate_spec import compare
from tests.schema.goldens import SPECS

BASE = (SPECS / "ok" / "base.yaml").read_text(encoding="utf-8")


def specs(**texts: str) -> list[Document]:
    return [read_document(text.encode(), f"{name}.yaml") for name, text in texts.items()]


def test_a_group_is_told_once_at_its_second_file() -> None:
    found = list(compare(specs(a=BASE, b="x: 1", c=BASE, d=BASE.replace("rank: 8", "rank: 16"), e=BASE)))
    assert [(each.span.origin.name, each.message) for each in found] == [
        ("c.yaml", "this spec runs the same as 'a.yaml' and 1 other file")
    ]
    assert [other.span.origin.name for other in found[0].related] == ["a.yaml", "e.yaml"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("training: {seed: 3}", "# a note\ntraining:\n  seed: 3\nx-note: 3"),
        ("training: {}", "optimization: {lora: {rank: 16}}"),
        ("training: {batch_size: 1K}", "training: {batch_size: 1000}"),
        ("optimization: {lr: 3e-4}", "optimization: {lr: 0.0003}"),
        ("training: {tokens: 5000}", "training: {tokens: 5000, dataset: [{name: fineweb, rate: 1, style: PMD}]}"),
        ("training: {pre_lora_tokens: [5000]}", "training: {pre_lora_tokens: [5000], tokens: 7000}"),
    ],
)
def test_what_does_not_count_makes_no_difference(one: str, other: str) -> None:
    assert len(list(compare(specs(a=one, b=other)))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("training: {seed: 3}", "training: {seed: 4}"),
        ("training: {tokens: 5000}", "training: {pre_lora_tokens: [5000]}"),
        ("training: {seed: three}", "training: {seed: four}"),
        ("training: {seed: 3}", "["),
    ],
)
def test_other_specs_and_those_that_cannot_be_read_are_no_copies(one: str, other: str) -> None:
    assert list(compare(specs(a=one, b=other))) == []


def test_a_file_that_is_named_twice_is_no_copy_of_itself() -> None:
    assert list(compare([*specs(a=BASE), *specs(a=BASE)])) == []


def test_a_comment_at_the_top_of_the_second_file_silences_it() -> None:
    assert list(compare(specs(a=BASE, b=f"# lorarun: ignore[duplicate-spec]\n{BASE}"))) == []
