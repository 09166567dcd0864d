"""Which fields of records are read: one kind a source, nothing dropped without a word, and the style decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.stores.prepare import prepare_store
from runner.data.stores.trained import Trained
from runner.data.tokenizers.byte import ByteTokenizer
from runner.failure import ExitCode, Failure
from runner.files.digested_json import with_digest
from schema.document.field_names import guess
from tests.runner.data.conversation_files import conversation, write_lines
from tests.runner.data.listener import Listener
from tests.runner.data.record_files import PAIR, data_of, read

THREE = {**PAIR, "text": "One and two make three."}


def refusal(path: Path, *styles: str, **fields: str) -> str:
    with pytest.raises(Failure) as caught:
        read(path, *styles, **fields)
    assert caught.value.exit_code is ExitCode.INVALID
    return str(caught.value).replace(str(path.parent), "DIR")


# A record of a file, and the sentence for it: each dropped its prompt, and trained on the rest, without a word.
WITHOUT_PROMPT: dict[str, tuple[dict[str, str], str]] = {
    "another name": (
        {"question": "1 + 2?", "completion": "3"},
        "there is no field 'prompt' to go before 'completion'; it has 'question', 'completion'; write prompt: "
        "question, or completion: completion alone to learn it without a prompt, under data/sources/x",
    ),
    "a blank behind the name": (
        {"prompt ": "1 + 2?", "completion": "3"},
        "there is no field 'prompt' to go before 'completion'; it has 'prompt ', 'completion'; write prompt: "
        '"prompt ", or completion: completion alone to learn it without a prompt, under data/sources/x',
    ),
    "a capital letter": (
        {"id": "7", "Prompt": "1 + 2?", "completion": "3"},
        "there is no field 'prompt' to go before 'completion'; it has 'id', 'Prompt', 'completion'; write prompt: "
        "Prompt, or completion: completion alone to learn it without a prompt, under data/sources/x",
    ),
    "nothing beside it": (
        {"completion": "3"},
        "there is no field 'prompt' to go before 'completion'; it has 'completion'; write completion: completion alone "
        "to learn it without a prompt, under data/sources/x",
    ),
    "both names are others": (
        {"question": "1 + 2?", "answer": "3"},
        "a record needs field 'text', or 'prompt' and 'completion' together; it has 'question', 'answer'; write "
        "prompt: question, completion: answer under data/sources/x",
    ),
    "names that only their places explain": (
        {"id": "7", "frage": "1 + 2?", "antwort": "3"},
        "a record needs field 'text', or 'prompt' and 'completion' together; it has 'id', 'frage', 'antwort'; write "
        "prompt: frage, completion: antwort under data/sources/x",
    ),
    "initials, the other way round": (
        {"a": "3", "q": "1 + 2?"},
        "a record needs field 'text', or 'prompt' and 'completion' together; it has 'a', 'q'; write prompt: q, "
        "completion: a under data/sources/x",
    ),
    "a task of three fields": (
        {"instruction": "Add.", "input": "1 2", "output": "3"},
        "a record needs field 'text', or 'prompt' and 'completion' together; it has 'instruction', 'input', 'output'; "
        "write instruction: instruction, input: input, output: output under data/sources/x",
    ),
}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("case", WITHOUT_PROMPT)
def test_a_completion_without_its_prompt_must_be_asked_for(case: str, suffix: str, tmp_path: Path) -> None:
    record, sentence = WITHOUT_PROMPT[case]
    path = tmp_path / f"x.{suffix}"
    if suffix == "jsonl":
        write_lines(path, [record])
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([record]), path)
    where = "DIR/x.jsonl:1" if suffix == "jsonl" else "DIR/x.parquet"
    assert refusal(path) == f"{where}: {sentence}"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"a.jsonl": [PAIR], "b.jsonl": [PAIR, {"promt": "1 + 1 = ", "completion": "2"}]},
            "b.jsonl:2: there is no field 'prompt' to go before 'completion'; it has 'promt', 'completion', and "
            "DIR/a.jsonl:1 is read by 'prompt' and 'completion'; make all records of a source alike",
        ),
        (
            {"a.jsonl": [{"text": "a tale"}], "b.jsonl": [PAIR]},
            "b.jsonl:1: this is read by 'prompt' and 'completion', and DIR/a.jsonl:1 by 'text'; make all records of a "
            "source alike, or name two sources",
        ),
        (
            {"a.jsonl": [PAIR], "b.txt": "a tale"},
            "b.txt: this is read by one text, and DIR/a.jsonl:1 by 'prompt' and 'completion'; make all records of a "
            "source alike, or name two sources",
        ),
    ],
    ids=["a misspelt field in the second file", "a pair behind texts", "a text file behind pairs"],
)
def test_all_files_of_a_source_have_one_kind_of_records(files: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    for name, content in files.items():
        if isinstance(content, str):
            (tmp_path / name).write_text(content)
        else:
            write_lines(tmp_path / name, content)
    with pytest.raises(Failure) as caught:
        read(tmp_path)
    assert str(caught.value).replace(str(tmp_path), "DIR") == f"DIR/{sentence}"


def test_a_text_file_is_refused_where_the_spec_names_a_prompt(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a tale")
    sentence = (
        "a .txt file has no records, and the prompt is read from their fields; write .jsonl, .csv or .parquet files"
    )
    assert refusal(tmp_path / "x.txt", prompt="question") == f"DIR/x.txt: {sentence}"


@pytest.mark.parametrize(
    ("styles", "fields", "reading"),
    [
        (("PMD",), {}, {"text": "text"}),
        (("PADDED",), {}, {"prompt": "prompt", "completion": "completion"}),
        (("PMD",), {"prompt": "prompt"}, {"prompt": "prompt", "completion": "completion"}),
        (("PADDED",), {"text": "text"}, {"text": "text"}),
        (("PMD", "PADDED"), {"text": "text"}, {"text": "text"}),
        (("PMD",), {"text": "completion", "prompt": "text", "completion": "prompt"}, {"text": "completion"}),
    ],
)
def test_the_style_decides_what_is_read_of_a_text_and_a_pair(
    styles: tuple[str, ...], fields: dict[str, str], reading: dict[str, str], tmp_path: Path
) -> None:
    (document,), found = read(write_lines(tmp_path / "x.jsonl", [THREE]), *styles, **fields)
    assert found.read == reading
    assert document == (THREE[reading["prompt"]] if "prompt" in reading else "", THREE[[*reading.values()][-1]])


def test_two_styles_that_read_two_things_need_two_suffixes(tmp_path: Path) -> None:
    assert refusal(write_lines(tmp_path / "x.jsonl", [THREE]), "PMD", "PADDED") == (
        "DIR/x.jsonl:1: PMD reads 'text', PADDED reads 'prompt' and 'completion', and this run has the dataset in both "
        "styles; name the fields of one of them under data/sources/x, or give one of the datasets another suffix"
    )


def test_a_prompt_and_a_text_are_a_text_for_pmd_and_a_question_for_padded(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"prompt": "1 + 2 = ", "text": "three"}])
    assert read(path, "PMD")[0] == [("", "three")]
    assert read(path, "PADDED", completion="text")[0] == [("1 + 2 = ", "three")]
    assert refusal(path, "PADDED") == (
        "DIR/x.jsonl:1: there is no field 'completion' to follow 'prompt'; it has 'prompt', 'text'; write completion: "
        "text, or text: text alone to learn that without the prompt, under data/sources/x"
    )


def test_a_store_is_made_again_where_a_style_reads_other_fields(tmp_path: Path) -> None:
    data = data_of(write_lines(tmp_path / "x.jsonl", [THREE] * 9))
    listener, digests = Listener(), []
    for style in ("PMD", "PADDED", "PADDED", "PMD"):
        store = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=listener, styles=(style,))
        digests.append(store.digest)
    assert digests[0] == digests[3] != digests[1] == digests[2]
    again = f"dataset 'x': the choice of fields changed since '{store.folder}' was made; it is made again"
    assert listener.sentences.count(again) == 2


@pytest.mark.parametrize(
    ("record", "styles", "written"),
    [
        (THREE, ("PADDED",), {"text": "text"}),
        (THREE, ("PMD",), {"prompt": "prompt", "completion": "completion"}),
        ({"text": "a tale", "completion": "three"}, ("PADDED",), {"completion": "completion"}),
    ],
    ids=["a text beside a pair", "a pair beside a text", "a completion beside a text"],
)
def test_a_field_that_is_named_as_it_is_called_anyway_makes_another_store(
    record: dict[str, str], styles: tuple[str, ...], written: dict[str, str], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "x.jsonl", [record] * 9)
    digests, tokens = [], []
    for fields in ({}, written, {}):  # the last is a run that resumes, after another one made the store again
        data, trained = data_of(path, **fields), Trained(tmp_path, 1, {"x": digests[0]}) if len(digests) == 2 else None
        made = prepare_store(
            "x", "", data=data, tokenizer=ByteTokenizer(), progress=Listener(), styles=styles, trained=trained
        )
        digests.append(made.digest)
        tokens.append(made.meta.splits["train"].tokens)
    assert digests[0] == digests[2] != digests[1]
    assert tokens[0] == tokens[2] != tokens[1]


def test_a_store_of_an_older_version_is_read_again_and_stays_the_same_where_its_records_are_sound(
    tmp_path: Path,
) -> None:
    data = data_of(write_lines(tmp_path / "x.jsonl", [PAIR] * 9))
    listener = Listener()
    made = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=Listener())
    facts = json.loads((made.folder / "meta.json").read_text())
    older = json.dumps({name: facts[name] for name in facts if name not in ("fields", "sha256")}, indent=1)
    (made.folder / "meta.json").write_text(with_digest(older))
    again = prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=listener)
    assert again.digest == made.digest
    assert listener.sentences[0].endswith(
        "an older version of lorarun made '" + str(made.folder) + "'; it is made again"
    )
    write_lines(tmp_path / "x.jsonl", [PAIR] * 9 + [{**PAIR, "completion": ""}])
    (made.folder / "meta.json").write_text(with_digest(older))
    assert prepare_store("x", "", data=data, tokenizer=ByteTokenizer(), progress=listener).meta.skipped


@pytest.mark.parametrize(
    ("named", "record", "told"),
    [
        ({"prompt": "q"}, {"q": "1 + 2?", "a": "3"}, "prompt: q, completion: a"),
        ({"prompt": "frage"}, {"frage": "1 + 2?", "antwort": "3", "n": 7}, "prompt: frage, completion: antwort"),
        ({"text": "text"}, {"q": "1 + 2?", "a": "3"}, "prompt: q, completion: a in place of text"),
        ({"text": "text"}, {"n": 7, "no": "One and two."}, 'text: "no"'),
        ({"instruction": "task", "output": "out"}, {"task": "Add.", "got": "3"}, "instruction: task, output: got"),
        ({"messages": "conversation"}, conversation("1 + 2?", "3"), "messages: messages"),
    ],
)
def test_a_refusal_tells_the_fields_to_write_for_those_that_the_spec_names(
    named: dict[str, str], record: dict[str, Any], told: str, tmp_path: Path
) -> None:
    write_lines(tmp_path / "x.jsonl", [record])
    assert refusal(tmp_path / "x.jsonl", **named).endswith(f"; write {told} under data/sources/x")
    told, _, instead = told.partition(" in place of ")
    kept = {key: field for key, field in named.items() if key != instead}
    written = dict(each.replace('"', "").split(": ") for each in told.split(", "))
    assert read(tmp_path / "x.jsonl", **kept | written)[1].read == written


NAMES = st.sampled_from(["text", "prompt", "completion", "question", "answer", "input", "id"])


@settings(max_examples=40)
@given(fields=st.lists(NAMES, min_size=1, unique=True), style=st.sampled_from(["PMD", "PADDED"]))
def test_what_a_refusal_tells_to_write_is_read(
    fields: list[str], style: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.jsonl"
    path.write_text(json.dumps(dict.fromkeys(fields, "a b")) + "\n")
    try:
        documents, found = read(path, style)
        assert documents and {*found.read.values()} <= {*fields}
        assert "completion" in found.read or "text" in found.read
    except Failure:
        keys = guess(fields)
        assert not keys or read(path, style, **keys)[1].read.keys() == keys.keys()
