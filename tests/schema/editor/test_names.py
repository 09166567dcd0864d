"""Names that an editor completes: those that other parts of the spec have, in block style and in {…} and […]."""

from __future__ import annotations

import pytest

from schema.document import Document, read_document
from schema.editor.hints import Guide
from schema.editor.names import Known
from tests.schema.editor.test_hints import guide, place

KNOWN = Known(("pydoc", "pystdlib"), ("chatml", "llama3"))
SOURCES = "data:\n  sources: {tales: {path: a.jsonl}, songs: {path: b.jsonl}}\n"
ENTRY = (
    "training:\n  dataset: [{name: tales, rate: 0.5, style: PMD}, {name: tales, rate: 0.25}, {name: old, rate: 0.25}]\n"
)
ADAPTERS = "optimization:\n  lora:\n    target_modules:"


def offered(marked: str, before: str | None = None) -> list[str]:
    """The names at the mark |, where the text, or what it was before, could be read."""
    lines, line, column = place(marked)
    read = read_document(("\n".join(lines) if before is None else before).encode(), "s.yaml")
    return [hint.name for hint in guide().complete(lines, line, column, read, KNOWN).found]


@pytest.mark.parametrize(
    "mixture",
    [
        "  dataset: [{name: |, rate: }]",
        "  pre_lora_dataset: [[{name: |, rate: 1.0}]]",
        "  pre_lora_dataset: [[{rate: 1.0, name: so|}]]",
        "  post_lora_dataset:\n  - - name: |\n      rate: 1.0",
        "  dataset:\n  - { name: ta|, rate: 1.0 }",
    ],
)
def test_a_mixture_names_a_source_or_a_dataset_of_the_machine(mixture: str) -> None:
    assert offered(f"{SOURCES}training:\n{mixture}") == ["songs", "tales", "pydoc", "pystdlib"]


@pytest.mark.parametrize(
    "marked", ["eval: {evaluations: [|]}", "eval:\n  evaluations:\n  - |", "eval:\n  evaluations: [ta|, ]"]
)
def test_an_evaluation_is_of_a_dataset_of_the_spec(marked: str) -> None:
    assert offered(f"{ENTRY}{marked}") == ["tales_ppl", "tales:PADDED_ppl", "old_ppl"]


@pytest.mark.parametrize("marked", [f"{ADAPTERS} [|]", f"{ADAPTERS}\n    - q_|", f"{ADAPTERS} [\n      at|\n    ]"])
def test_a_target_is_a_part_of_a_matrix_of_the_family(marked: str) -> None:
    wanted = [
        "all-linear",
        "wte",
        "attn",
        "mlp",
        "lm_head",
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "up_proj",
        "down_proj",
    ]
    assert sorted(offered(marked)) == sorted(wanted)
    assert "gate_proj" in offered(f"architecture: {{family: llama}}\n{marked}")
    assert "gate_proj" in offered(f"architecture: {{family: llama, n_head: 7}}\n{marked}")


def test_what_stands_in_a_list_is_not_offered_again() -> None:
    assert not {"attn", "mlp"} & set(offered(f"{ADAPTERS} [attn, |, mlp]", before=""))
    assert {"attn", "q_proj"} <= set(offered(f"{ADAPTERS} [att|n, mlp]"))
    assert not {"attn"} & set(offered(f"{ADAPTERS}\n    - attn\n    - |"))


def test_a_target_is_explained_by_what_it_is_put_on() -> None:
    lines, line, column = place(f"{ADAPTERS} [|]")
    hints = guide().complete(lines, line, column)
    (attn,) = [hint for hint in hints.found if hint.name == "attn"]
    assert attn.documentation.startswith("adapters on blocks/attn/q_proj/kernel, ")
    assert not attn.is_key


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("tokenizer: {backend: tiktoken, name: |}", ["gpt2", "r50k_base"]),
        ("tokenizer:\n  backend: tiktoken\n  name: gp|", ["gpt2", "r50k_base"]),
        ("chat:\n  template: |", ["chatml", "llama3"]),
        (f"{ENTRY}data:\n  sources:\n    |", ["tales", "old"]),
        (f"{ENTRY}data: {{sources: {{old: {{path: a.txt}}, |}}}}", ["tales"]),
    ],
)
def test_other_names_come_from_where_they_are_defined(marked: str, names: list[str]) -> None:
    assert offered(marked)[:2] == names


@pytest.mark.parametrize(
    "marked",
    [
        "training:\n  dataset: [{rate: |}]",
        "training:\n  pre_lora_tokens: [|]",
        "tokenizer: {backend: huggingface, eos_token: |x}",
        "x-note:\n  - |",
        "eval: {evaluations: [|]}",
    ],
)
def test_where_nothing_has_names_none_are_offered(marked: str) -> None:
    assert offered(marked) == []


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("training:\n  dataset: [{|}]", ["name", "rate", "style", "suffix", "document_mask"]),
        ("training:\n  dataset: [{name: , |}]", ["rate", "style", "suffix", "document_mask"]),
        ("training:\n  dataset: [{name: a, |, style: PMD}]", ["rate", "suffix", "document_mask"]),
        (
            "training:\n  pre_lora_dataset:\n  - - {\n      name: a,\n      |\n    }",
            ["rate", "style", "suffix", "document_mask"],
        ),
        ("training:\n  dataset: [{ na|: , rate: }]", ["name", "style", "suffix", "document_mask"]),
    ],
)
def test_keys_are_completed_in_flow_mappings(marked: str, names: list[str]) -> None:
    assert offered(marked) == names


def test_names_of_a_half_typed_text_are_those_of_before() -> None:
    half = f"{SOURCES}training: {{dataset: [{{name: |"
    assert offered(half) == ["pydoc", "pystdlib"]
    assert offered(half, before=SOURCES) == ["songs", "tales", "pydoc", "pystdlib"]


@pytest.mark.parametrize("length", range(0, len(SOURCES + ENTRY), 3))
def test_a_spec_that_is_being_written_never_stops_the_editor(length: int) -> None:
    text = (SOURCES + ENTRY)[:length]
    document: Document = read_document(text.encode(), "s.yaml")
    lines = text.split("\n")
    Guide.complete(guide(), lines, len(lines) - 1, len(lines[-1]), document, KNOWN)
