"""Tokenizers of Hugging Face folders: ids and text, special tokens, what opens and ends a document, refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.tokenizer_files import read_tokenizer_files
from runner.data.tokenizers import load_tokenizer
from runner.data.tokenizers.huggingface import HuggingFaceTokenizer, load_huggingface
from runner.failure import ExitCode, Failure
from schema.environment import SpecialToken
from schema.sections import tokenizer as section
from schema.sections.data import Data
from tests.runner.data.tokenizer_folders import KINDS, TEXT, byte_level, edit, folder, prefixed, unigram

LOSSLESS = ("byte_level", "prefixed", "unigram")
END, PAD = SpecialToken("</s>", 2), SpecialToken("<pad>", 3)
NAMES = "<unk> the cat <s> sat</s> on<pad> the mat </s>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HuggingFaceTokenizer]:
    """One tokenizer of each kind."""
    places = {kind: folder(tmp_path_factory.mktemp(kind), build()) for kind, build in KINDS.items()}
    return {kind: load_huggingface(str(place)) for kind, place in places.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_the_librarys(kind: str, made: dict[str, HuggingFaceTokenizer]) -> None:
    tokenizer = made[kind]
    library = Tokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    assert tokenizer.vocabulary == library.get_vocab_size()
    for text in TEXT[:2]:
        assert tokenizer.encode(text).tolist() == library.encode(text, add_special_tokens=False).ids
        assert tokenizer.encode(text).dtype == np.int32


@given(st.text())
@settings(max_examples=50)
def test_text_survives_the_round_trip(made: dict[str, HuggingFaceTokenizer], text: str) -> None:
    tokenizer = made["byte_level"]
    assert tokenizer.decode([*tokenizer.encode(text), tokenizer.end, tokenizer.pad]) == text


@pytest.mark.parametrize("kind", LOSSLESS)
def test_what_follows_other_text_begins_without_a_space(kind: str, made: dict[str, HuggingFaceTokenizer]) -> None:
    tokenizer = made[kind]
    for beginning, rest in (("the cat ", "sat"), ("the c", "at"), ("the", " mat")):
        ids = [*tokenizer.encode(beginning), *tokenizer.encode(rest, continued=True)]
        assert tokenizer.decode(ids) == beginning + rest


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_in_a_text_are_text(kind: str, made: dict[str, HuggingFaceTokenizer]) -> None:
    tokenizer = made[kind]
    for ids in (tokenizer.encode(NAMES), tokenizer.encode("</s>", continued=True), tokenizer.encode("a</s></s>")):
        assert len(ids)
        assert not np.isin(ids, [1, tokenizer.end, tokenizer.pad]).any()
    if kind == "byte_level":
        assert tokenizer.decode(tokenizer.encode(NAMES)) == NAMES


@given(st.lists(st.sampled_from(["</s>", "<s>", "<pad>", "<", "s>", "/", " ", "the", "<unk>"])).map("".join))
@settings(max_examples=50)
def test_no_text_ends_a_document(made: dict[str, HuggingFaceTokenizer], text: str) -> None:
    for tokenizer in made.values():
        assert not np.isin(tokenizer.encode_batch([text, text])[1], [1, 2, 3]).any()


def test_a_special_token_that_can_be_no_other_text_is_refused(tmp_path: Path) -> None:
    def rename(definition: dict[str, Any]) -> None:
        definition["model"]["vocab"][2][0] = definition["added_tokens"][2]["content"] = "§"

    place = folder(tmp_path / "one", unigram(), tokenizer_config={"eos_token": "§"})
    edit(place, lambda definition: definition.update(post_processor=None))
    edit(place, rename)
    with pytest.raises(Failure, match=r"makes its special token '§' of a text; take it out of the data") as caught:
        load_huggingface(str(place)).encode("the § cat")
    assert caught.value.exit_code is ExitCode.INVALID


def test_what_templates_alone_write_is_text_in_a_text_whatever_the_file_calls_it(tmp_path: Path) -> None:
    made = byte_level()
    made.add_tokens(["<|user|>", "<think>"])
    tokenizer = load_huggingface(str(folder(tmp_path / "made", made)))
    user, think = made.token_to_id("<|user|>"), made.token_to_id("<think>")
    assert tokenizer.special[user] == "<|user|>"
    ids = tokenizer.encode("<|user|> <think>").tolist()
    assert (user in ids, think in ids, think in tokenizer.special) == (False, True, False)
    assert tokenizer.decode(ids) == "<|user|> <think>"


def test_an_end_of_text_that_is_no_special_token_is_one_here(tmp_path: Path) -> None:
    place = folder(tmp_path / "plain", byte_level())
    edit(place, lambda definition: definition["added_tokens"][2].update(special=False))
    assert 2 not in load_huggingface(str(place)).encode("the </s> cat")


def test_truncation_padding_and_dropout_of_the_file_are_not_used(tmp_path: Path) -> None:
    library = byte_level()
    plain = load_huggingface(str(folder(tmp_path / "plain", library)))
    library.enable_truncation(3)
    library.enable_padding(length=64)
    place = folder(tmp_path / "odd", library)
    edit(place, lambda definition: definition["model"].update(dropout=0.9))
    odd = load_huggingface(str(place))
    assert [odd.encode(text).tolist() for text in TEXT] == [plain.encode(text).tolist() for text in TEXT]


def test_half_a_surrogate_pair_and_ids_out_of_range_are_refused(made: dict[str, HuggingFaceTokenizer]) -> None:
    tokenizer = made["byte_level"]
    with pytest.raises(UnicodeEncodeError):
        tokenizer.encode_batch(["the", "\ud800"])
    for ids in ([tokenizer.vocabulary], [-1]):
        with pytest.raises(ValueError, match=r"token ids must lie in 0 … 299"):
            tokenizer.decode(ids)
    assert tokenizer.decode([]) == ""


# What the files beside a prefixed tokenizer, whose template begins with <s>, say of end, padding and beginning.
POLICIES: dict[str, tuple[dict[str, Any], tuple[int, int, int | None]]] = {
    "the template opens documents": ({"tokenizer_config": {"eos_token": "</s>", "pad_token": "<pad>"}}, (2, 3, 1)),
    "a mapping": ({"tokenizer_config": {"eos_token": {"content": "</s>"}, "add_bos_token": False}}, (2, 2, None)),
    "another file": (
        {"tokenizer_config": {"eos_token": None}, "special_tokens_map": {"eos_token": "<pad>"}},
        (3, 3, 1),
    ),
    "the first id": ({"generation_config": {"eos_token_id": [3, 2], "pad_token_id": 0}}, (3, 0, 1)),
    "an id": ({"generation_config": {"eos_token_id": 2}}, (2, 2, 1)),
}


@pytest.mark.parametrize("case", POLICIES)
def test_the_files_name_what_frames_a_document(case: str, tmp_path: Path) -> None:
    files, (end, pad, begin) = POLICIES[case]
    tokenizer = load_huggingface(str(folder(tmp_path / "named", prefixed(), **files)))
    assert (tokenizer.end, tokenizer.pad, tokenizer.begin) == (end, pad, begin)


def test_the_spec_decides_on_the_beginning_of_text(tmp_path: Path) -> None:
    with_template, config = str(folder(tmp_path / "one", prefixed())), {"eos_token": "</s>", "bos_token": "<s>"}
    without = str(folder(tmp_path / "two", byte_level(), tokenizer_config=config))
    for place, by_files in ((with_template, 1), (without, None)):
        assert [load_huggingface(place, add_bos).begin for add_bos in (None, True, False)] == [by_files, 1, None]
    bare = str(folder(tmp_path / "three", byte_level()))
    with pytest.raises(Failure, match=r"tokenizer/add_bos is true, and the tokenizer in .* names no beginning of text"):
        load_huggingface(bare, True)
    chosen = load_tokenizer(section.Tokenizer(backend="huggingface", name=without, add_bos=True))
    assert chosen.begin == 1


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    place, other = folder(tmp_path / "here", byte_level()), tmp_path / "there"
    own = load_huggingface(str(place)).fingerprint
    shutil.copytree(place, other)
    assert load_huggingface(str(other)).fingerprint == own
    (other / "tokenizer_config.json").write_text('{"pad_token": "<pad>", "eos_token": {"content": "</s>"}, "x": 1}')
    assert load_huggingface(str(other)).fingerprint == own
    (other / "tokenizer_config.json").write_text('{"eos_token": "<pad>"}')
    edited = load_huggingface(str(other)).fingerprint
    edit(place, lambda definition: definition["model"]["merges"].pop())
    assert len({own, edited, load_huggingface(str(place)).fingerprint}) == 3
    opened = folder(tmp_path / "opened", prefixed())
    assert len({load_huggingface(str(opened), add_bos).fingerprint for add_bos in (None, True, False)}) == 2


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no folder": (shutil.rmtree, r"tokenizer/name '.*made' is no folder; name the folder that holds tokenizer.json"),
    "no tokenizer": (lambda path: (path / "tokenizer.json").unlink(), r"holds no tokenizer.json; name the folder"),
    "no JSON": (lambda path: (path / "tokenizer.json").write_text("{"), r"tokenizer.json' is no JSON: .*; save the"),
    "no UTF-8": (lambda path: (path / "tokenizer.json").write_bytes(b"\xff"), r"tokenizer.json' is no JSON: "),
    "a list": (lambda path: (path / "tokenizer_config.json").write_text("[]"), r"config.json' is no JSON object; save"),
    "no model": (lambda path: (path / "tokenizer.json").write_text("{}"), r"is not the file of a tokenizer \(KeyError"),
    "no tokens": (
        lambda path: (path / "tokenizer.json").write_text('{"model": {"vocab": {}}}'),
        r"tokenizer.json' holds no token; save a trained tokenizer there",
    ),
    "what the library can't load": (
        lambda path: edit(path, lambda definition: definition["model"].update(type="Morse")),
        r"the library tokenizers .* can't load '.*tokenizer.json': .*; save the tokenizer again",
    ),
    "a normalizer of no kind": (
        lambda path: edit(path, lambda definition: definition.update(normalizer={"lower": 1}, pre_tokenizer={})),
        r"can't load '.*tokenizer.json': ",
    ),
    "text for an id": (
        lambda path: edit(path, lambda definition: definition["model"]["vocab"].update(a="b")),
        r"is not the file of a tokenizer \(ValueError",
    ),
    "an id that another token has": (
        lambda path: edit(path, lambda definition: definition["added_tokens"][3].update(id=400)),
        r"gives the added token '<pad>' the id 400, and the library tokenizers gives it 3; save the tokenizer again",
    ),
    "no end of text": (
        lambda path: (path / "tokenizer_config.json").write_text("{}"),
        r"names no end of text, which separates documents; write \"eos_token\" with one of its tokens",
    ),
    "an end of text that is no token": (
        lambda path: (path / "tokenizer_config.json").write_text('{"eos_token": "<end>"}'),
        r"tokenizer_config.json' names the special token '<end>', which tokenizer.json does not hold; write one",
    ),
    "an id that is no token": (
        lambda path: [
            (path / "tokenizer_config.json").unlink(),
            (path / "generation_config.json").write_text('{"eos_token_id": 9000}'),
        ],
        r"generation_config.json' names the special token '9000', which",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_is_no_tokenizer_is_refused_with_one_sentence(case: str, tmp_path: Path) -> None:
    spoil, sentence = REFUSED[case]
    place = folder(tmp_path / "made", byte_level())
    spoil(place)
    with pytest.raises(Failure, match=sentence) as caught:
        load_huggingface(str(place))
    assert caught.value.exit_code is ExitCode.INVALID
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_a_storage_failure(tmp_path: Path) -> None:
    place = folder(tmp_path / "made", byte_level())
    (place / "tokenizer_config.json").unlink()
    (place / "tokenizer_config.json").mkdir()
    with pytest.raises(Failure, match=r"tokenizer file '.*tokenizer_config.json' cannot be read: ") as caught:
        read_tokenizer_files(str(place))
    assert caught.value.exit_code is ExitCode.STORAGE


def test_a_store_does_not_depend_on_how_many_documents_are_tokenized_together(
    tmp_path: Path, made: dict[str, HuggingFaceTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "texts.jsonl"
    source.write_text("".join(json.dumps({"text": f"{'the cat ' * (n % 7)}{n}"}) + "\n" for n in range(90)))
    stores = []
    for characters in (1, 100, 2**20):
        monkeypatch.setattr("runner.data.stores.batches.BATCH_CHARACTERS", characters)
        data = Data.model_validate(
            {"root": str(tmp_path / str(characters)), "sources": {"texts": {"path": str(source)}}}
        )
        stores.append(prepare_store("texts", "", data=data, tokenizer=made["prefixed"], progress=Silent()))
    first, *others = [
        {name: {kind: file.sha256 for kind, file in split.files.items()} for name, split in store.meta.splits.items()}
        for store in stores
    ]
    assert others == [first, first]


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_store_holds_framed_documents(kind: str, tmp_path: Path, made: dict[str, HuggingFaceTokenizer]) -> None:
    records = [{"prompt": f"the cat {n}: ", "completion": f"sat </s> {n}"} for n in range(70)]
    (tmp_path / "cats.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    data = Data.model_validate(
        {"root": str(tmp_path / "stores"), "sources": {"cats": {"path": str(tmp_path / "cats.jsonl")}}}
    )
    tokenizer = made[kind]
    store = prepare_store("cats", "", data=data, tokenizer=tokenizer, progress=Silent())
    opening = [] if tokenizer.begin is None else [tokenizer.begin]
    found = set()
    for split in store.splits.values():
        assert split.supervised[1::2].tolist() == split.offsets[1:].tolist()
        prompts = split.supervised[::2] - split.offsets[:-1]
        for first, last, prompt in zip(split.offsets[:-1], split.offsets[1:], prompts, strict=True):
            ids = split.tokens[int(first) : int(last)].tolist()
            assert (ids[: len(opening)], ids[-1]) == (opening, tokenizer.end)
            assert ids.count(tokenizer.end) == 1
            found.add((tokenizer.decode(ids[:prompt]), tokenizer.decode(ids)))
    if kind == "byte_level":  # the others have no letters for < and /
        assert found == {(each["prompt"], each["prompt"] + each["completion"]) for each in records}
    assert (store.meta.tokenizer, store.meta.end, store.meta.pad) == (tokenizer.fingerprint, 2, 3)
    assert store.max_token_id < tokenizer.vocabulary
