"""The catalogue: what a mixture may name without a source, and how a spec says it otherwise."""

from __future__ import annotations

import pytest

from schema.document import NOTHING_RECORDED, Recorded
from schema.document.catalogue import CATALOGUE
from schema.document.hub import written_name
from schema.document.hub_rows import read_rows
from schema.lint import Verdict, accepted, lint_text
from schema.sections.data import Source
from schema.spec import Spec
from tests.schema.goldens import SPECS

MIXTURE = "training: {{tokens: 1_024_000, dataset: [{{name: {name}, rate: 1.0, style: PMD}}]}}\n"


def linted(name: str, sources: str = "", recorded: Recorded = NOTHING_RECORDED) -> Verdict:
    above = f"data: {{sources: {sources}}}\n" if sources else ""
    return lint_text(above + MIXTURE.format(name=name), "spec.yaml", recorded=recorded)


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_row_is_a_source_that_ends(name: str) -> None:
    source = Source(**CATALOGUE[name])
    assert source.hub and written_name(source.hub)
    rows = read_rows(source.split)
    assert rows and (rows.stop is not None or not source.streaming)
    assert source.model_fields_set == CATALOGUE[name].keys()
    readme = (SPECS.parents[1] / "README.md").read_text(encoding="utf-8")
    assert any(f"`{name}`" in line and f"`{source.hub}`" in line for line in readme.splitlines())


def test_a_name_of_the_catalogue_needs_no_source_and_the_default_is_one() -> None:
    row = CATALOGUE["tinystories"]
    assert accepted(linted("tinystories")).data.sources == {"tinystories": Source(**row)}
    for text in ("{}", "training: {post_lora_tokens: [], post_lora_dataset: []}"):
        assert accepted(lint_text(text, "spec.yaml")).data.sources == {"fineweb": Source(**CATALOGUE["fineweb"])}
    assert accepted(linted("pydoc")).data.sources == {}


def test_keys_of_the_same_name_complete_it_and_an_origin_replaces_it() -> None:
    part = accepted(linted("fineweb", "{fineweb: {split: 'train[:9]'}}")).data.sources["fineweb"]
    assert part == Source(**{**CATALOGUE["fineweb"], "split": "train[:9]"})
    own = accepted(linted("fineweb", "{fineweb: {path: web.jsonl}}")).data.sources["fineweb"]
    assert own == Source(path="web.jsonl")
    both = linted("alpaca", "{alpaca: {text: output}}")  # fields of two kinds, of which the catalogue has one
    assert "LR217" in {found.code for found in both.diagnostics}


def test_a_commit_that_a_run_recorded_is_written_into_it() -> None:
    commit = "0123456789" * 4
    pinned = Recorded(pins={"datasets/roneneldan/TinyStories": f"roneneldan/TinyStories@{commit}"})
    spec: Spec = accepted(linted("tinystories", recorded=pinned))
    assert spec.data.sources["tinystories"].hub == f"roneneldan/TinyStories@{commit}"
