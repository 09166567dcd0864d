"""Conversations from a spec to trained rows: the same verdict everywhere, ids and mask of the template, a resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.data.catalog import Catalog, open_catalog
from runner.data.chat.conversation import read_conversation
from runner.data.chat.encode import ChatEncoder
from runner.data.chat.recipe import load_recipe
from runner.data.chat.supervise import supervise
from runner.data.stores.display import Silent
from runner.data.tokenizer_files import read_tokenizer_files
from runner.data.tokenizers.huggingface import load_huggingface
from runner.environment import survey
from runner.failure import Failure
from runner.plan.compile import compile_plan
from schema.budget.dataset_names import Key
from schema.document import read_document
from schema.lint import load_spec
from schema.sections.chat import Chat
from tests.runner.data.conversation_files import (
    CONVERSATIONS,
    TEMPLATE,
    chat_folder,
    conversation,
    fill_with_conversations,
    write_lines,
)
from tests.runner.data.tokenizer_folders import byte_level, edit, folder
from tests.runner.workplace import EVERY_STEP, located, lorarun

EXEC = ("exec", "spec.yaml", "--run-dir", "run", *(f"--set={setting}" for setting in EVERY_STEP))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a spec of conversations; the tokenizer in `smol` has a chat template."""
    fill_with_conversations(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(here: Path, old: str, new: str) -> None:
    text = (here / "spec.yaml").read_text()
    assert old in text
    (here / "spec.yaml").write_text(text.replace(old, new))


def catalog(*settings: str) -> Catalog:
    spec = load_spec("spec.yaml", settings)
    return open_catalog(spec, compile_plan(spec), Silent())


def rows_of(catalog: Catalog, split: str) -> set[tuple[tuple[int, ...], tuple[bool, ...]]]:
    rows = catalog.train[Key("tales", "", "PADDED")] if split == "train" else catalog.validation["tales"]
    found = rows.gather(np.arange(len(rows), dtype=np.int64))
    return {
        (tuple(ids[:filled].tolist()), tuple(flags[:filled].tolist()))
        for ids, flags, filled in zip(found.tokens, found.supervised, found.filled, strict=True)
    }


def expected(records: list[dict[str, Any]], train_on: str = "assistant") -> set[tuple[Any, ...]]:
    tokenizer = load_huggingface("smol")
    section = load_spec("spec.yaml", [f"chat/train_on={train_on}"]).chat
    recipe = load_recipe(section, tokenizer.folder, tokenizer.facts)
    encoder = ChatEncoder(tokenizer.opening)
    rows = [supervise(read_conversation(each), recipe.template, recipe.train_on, encoder.specials) for each in records]
    return {(each.ids, each.supervised) for each in encoder.encode_batch(rows)}


@pytest.mark.parametrize("train_on", ["assistant", "last", "all"])
def test_rows_are_what_the_template_and_its_marks_say(here: Path, train_on: str) -> None:
    opened = catalog(f"chat/train_on={train_on}")
    train, val = rows_of(opened, "train"), rows_of(opened, "val")
    assert train | val == expected(CONVERSATIONS, train_on)
    assert val
    assert not train & val


def test_a_conversation_stays_in_its_split_whatever_the_template(here: Path) -> None:
    ((ids, _), *_) = sorted(rows_of(catalog(), "val"))
    said = load_huggingface("smol").decode(ids)
    chat_folder(here / "smol", TEMPLATE.replace("':'", "' '"))
    assert said.replace(":", " ") in {load_huggingface("smol").decode(ids) for ids, _ in rows_of(catalog(), "val")}


def test_a_store_is_that_of_its_template_for_linter_and_run(here: Path) -> None:
    def is_known() -> bool:
        look = survey()(read_document((here / "spec.yaml").read_bytes(), "spec.yaml"))
        return look.datasets["tales", ""].store is not None

    assert not is_known()
    digest = catalog().digests()
    assert is_known()
    chat_folder(here / "smol", TEMPLATE + "\n")
    assert not is_known()
    assert catalog().digests() != digest
    change(here, "{tales: {path: chats.jsonl, messages: messages}}", "{}")
    assert catalog().digests() != digest  # without its source, the store is used as it is
    with pytest.raises(Failure, match="another chat template or chat/train_on than this run's; give what it was"):
        catalog("chat/train_on=last")


def test_flat_blocks_of_whole_conversations_are_supervised_throughout(here: Path) -> None:
    change(here, "style: PADDED", "style: PMD")
    rows = catalog("chat/train_on=all").train[Key("tales", "", "PMD")]
    found = rows.gather(np.arange(len(rows), dtype=np.int64))
    assert found.all_supervised
    stream = load_huggingface("smol").opening.decode(found.tokens[0].tolist(), skip_special_tokens=False)
    assert stream.startswith("u:cat 0a:sat 0</s>u:mata:fat 0</s>u:cat 1a:sat 1")
    with pytest.raises(Failure, match="'tales' holds conversations, of which chat/train_on: assistant leaves tokens"):
        catalog_of_python()


def catalog_of_python() -> Catalog:
    """The same spec with another chat/train_on, which no linter has seen."""
    spec = load_spec("spec.yaml", ["chat/train_on=all"])
    spec = spec.model_copy(update={"chat": spec.chat.model_copy(update={"train_on": "assistant"})})
    return open_catalog(spec, compile_plan(spec), Silent())


def test_the_plan_names_template_and_what_is_supervised(here: Path) -> None:
    done = lorarun(here, "plan", "spec.yaml")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[3] == (
        "chat template that of smol · every answer is supervised, with the token that ends its turn"
    )
    settings = ("--set", "chat/template=chatml", "--set", "chat/train_on=all")
    read = json.loads(lorarun(here, "plan", "spec.yaml", "--format", "json", *settings).stdout)
    assert read["chat"] == {"template": "chatml", "train_on": "all"}


@pytest.mark.parametrize(
    ("token", "special", "offered"),
    [
        (None, True, "alpaca, mistral or the path of a file"),  # which end answers by the eos_token
        ("<|im_end|>", True, "alpaca, chatml, mistral or the path of a file"),
        ("<|im_end|>", False, "alpaca, chatml, mistral or the path of a file"),  # by its spelling
        ("<end_of_turn>", True, "alpaca, gemma, mistral or the path of a file"),
        ("<end_of_turn>", False, "alpaca, mistral or the path of a file"),  # text that a user may write
    ],
)
def test_only_templates_are_offered_whose_end_of_turn_the_tokenizer_has(
    token: str | None, special: bool, offered: str, tmp_path: Path
) -> None:
    made = folder(tmp_path / "plain", byte_level())
    if token is not None:
        added = {"id": 300, "content": token, "special": special}
        edit(made, lambda definition: definition["added_tokens"].append(added))
    with pytest.raises(Failure) as caught:
        load_recipe(Chat(), made, read_tokenizer_files(str(made)).facts)
    assert str(caught.value).endswith(f" has no chat template; write chat/template: {offered}")


REFUSED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no template": (
        lambda here: (here / "smol" / "chat_template.jinja").unlink(),
        "spec.yaml:4:50: error[LR219 chat-template-not-found]: the tokenizer in 'smol' has no chat template",
        "write chat/template: alpaca, mistral or the path of a file",
    ),
    "a template that is none": (
        lambda here: (here / "smol" / "chat_template.jinja").write_text("{% for %}"),
        "spec.yaml:4:50: error[LR219 chat-template-not-found]: the chat template of 'smol' is no chat template: line "
        "1: Expected an expression, got 'end of statement block'",
        "write another chat/template",
    ),
    "an unknown template": (
        lambda here: change(here, "tokenizer:", "chat: {template: chatlm}\ntokenizer:"),
        "spec.yaml:15:18: error[LR219 chat-template-not-found]: chat/template 'chatlm' is neither built in nor a file",
        "did you mean 'chatml'?",
    ),
    "bytes": (
        lambda here: change(here, "{backend: huggingface, name: smol}", "{backend: byte}"),
        "spec.yaml:15:22: error[LR219 chat-template-not-found]: a dataset holds conversations, and only a tokenizer of "
        "backend huggingface has special tokens that end a turn",
        "write tokenizer: {backend: huggingface, name: FOLDER}, of a folder with tokenizer.json, or give prompt and "
        "completion in place of messages",
    ),
    "PMD": (
        lambda here: change(here, "style: PADDED", "style: PMD"),
        "spec.yaml:10:55: error[LR218 conversations-not-padded]: 'tales' holds conversations, of which chat/train_on: "
        "assistant leaves tokens out, and PMD supervises all",
        "write style: PADDED or PACKED, or chat/train_on: all",
    ),
    "two kinds of records": (
        lambda here: change(here, "messages: messages", "messages: messages, output: answer, instruction: question"),
        "spec.yaml:4:68: error[LR217 record-kinds]: data/sources/tales names messages, and instruction and output of "
        "another kind of records",
        "leave out one of the two",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_command_refuses_the_same_before_anything_is_written(case: str, here: Path) -> None:
    spoil, finding, remedy = REFUSED[case]
    spoil(here)
    for arguments, exit_code in ((("validate", "--env", "spec.yaml"), 1), (("plan", "spec.yaml"), 2), (EXEC, 2)):
        done = lorarun(here, *arguments)
        assert (done.exit_code, done.changed) == (exit_code, set())
        first = (done.stdout if exit_code == 1 else done.stderr).split("spec.yaml:12:")[0]  # PMD stands there twice
        assert located(first) == (finding, remedy)


def test_a_conversation_that_is_too_long_keeps_what_fits_and_says_so(here: Path) -> None:
    write_lines(here / "chats.jsonl", [*CONVERSATIONS, *(conversation("the " * n, "cat") for n in (9, 60))])
    opened = catalog()
    assert opened.remarks() == [
        "tales (train): 1 of 99 examples are longer than block_size + 1 = 33 tokens and are truncated",
        "tales (train): 1 of them keep nothing that is supervised and teach nothing",
    ]
    kept = catalog("data/on_too_long=drop").train[Key("tales", "", "PADDED")]
    assert len(opened.train[Key("tales", "", "PADDED")]) == len(kept) + 1


def test_a_conversation_without_a_supervised_token_is_counted_and_left_out(here: Path) -> None:
    silent = conversation("a", "b")
    silent["messages"][1]["weight"] = 0
    write_lines(here / "chats.jsonl", [*CONVERSATIONS, silent, silent])
    assert catalog().stores["tales"].meta.skipped == {
        "without a supervised token (chats.jsonl:101, chats.jsonl:102)": 2
    }
    write_lines(here / "chats.jsonl", [silent])
    with pytest.raises(Failure, match="dataset 'tales' holds no conversation with a supervised token; give it at"):
        catalog()


def test_both_phases_train_and_a_run_resumes_with_its_own_template_only(here: Path) -> None:
    done = lorarun(here, *EXEC)
    assert done.exit_code == 0, done.stderr
    taken = json.loads((here / "run" / "summary.json").read_text())["datasets"]["tales"]
    assert (taken["rows"], taken["tokens_supervised"] < taken["tokens_seen"]) == (16, True)
    mixture = "[{name: tales, rate: 1.0, style: PADDED}]"
    ignore = "# lorarun: ignore[phase-too-short]"
    change(
        here,
        f"post_lora_tokens: [256] {ignore}\n  post_lora_dataset: [{mixture}]",
        f"post_lora_tokens: [256, 256] {ignore}\n  post_lora_dataset: [{mixture}, {mixture}]",
    )
    other = lorarun(here, *EXEC, "--set", "chat/template=chatml")
    assert other.exit_code == 78
    assert 'run belongs to another spec (chat/template was null, is "chatml")' in other.stderr
    chat_folder(here / "smol", TEMPLATE.replace("':'", "' '"))
    other = lorarun(here, *EXEC)
    assert (other.exit_code, other.stderr) == (
        78,
        "lorarun: the data of tales changed since step 4 of run was saved; bring it back, or start a new run with "
        "another --run-dir\n",
    )
    chat_folder(here / "smol")
    done = lorarun(here, *EXEC)
    assert (done.exit_code, "done: 6 steps" in done.stdout) == (0, True)
