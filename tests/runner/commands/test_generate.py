"""`lorarun generate`: what it writes for runs and folders, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from runner.cli import main
from runner.commands.generate import talk as talking
from runner.generation import answer, decode
from runner.generation.answer import Settings
from runner.generation.find import find_target
from runner.generation.sampling import SamplingParams
from runner.weights.pretrained import load_pretrained
from tests.runner.generation.model_folder import adapter_tensors, merge, write_adapter, write_model
from tests.runner.workplace import lorarun

GREEDY = ("--temperature", "0", "--max-tokens", "12")
MESSAGES = [{"role": "user", "content": "the cat"}]


@pytest.fixture(scope="module")
def finished(saved_each_step: Path) -> Path:
    return saved_each_step


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, the same merged, and adapters over it."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "model")
    write_model(folder / "merged")
    merge(folder / "merged")
    write_adapter(folder / "adapter", "../model")
    (folder / "chat.json").write_text(json.dumps(MESSAGES))
    write_refused(folder)
    return folder


def write_refused(folder: Path) -> None:
    """Write what is refused: folders without a part, adapters of other kinds, conversations."""
    (folder / "empty").mkdir()
    write_model(folder / "plain", template=None)
    (write_model(folder / "bare") / "tokenizer.json").unlink()
    write_adapter(folder / "dora", "../model", use_dora=True)
    write_adapter(folder / "ia3", "../model", peft_type="IA3")
    write_adapter(folder / "lost", "../gone")
    write_adapter(folder / "scaleless", "../model", r=0)
    cut = write_adapter(folder / "cut", "../model") / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-50])
    name = "base_model.model.model.layers.7.mlp.up_proj.lora_A.weight"
    tensors = {**adapter_tensors(), name: np.ones((2, 24), np.float32)}
    save_file(tensors, write_adapter(folder / "strange", "../model") / "adapter_model.safetensors")
    system, answer = {"role": "system", "content": "a"}, {"role": "assistant", "content": "a"}
    conversations = {"broken": "[", "empty": "[]", "answer": json.dumps([answer]), "system": json.dumps([system])}
    for name, text in conversations.items():
        (folder / f"{name}.json").write_text(text)


@pytest.fixture
def there(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(models)
    return models


def said(folder: Path, *arguments: str) -> str:
    done = lorarun(folder, "generate", *arguments, *GREEDY)
    assert (done.exit_code, done.changed) == (0, set()), done.stderr
    return done.stdout


def test_a_run_speaks_with_its_adapters_and_without(here: Path) -> None:
    whole = said(here, "run", "--prompt", "tale 7: ")
    both = said(here, "run", "--prompt", "tale 7: ", "--base")
    base = both.partition("without its adapters:\n")[2]
    assert both == f"with its adapters:\n{whole}\nwithout its adapters:\n{base}"
    assert said(here, "run", "--prompt", "tale 7: ", "--adapter-scale", "0") == base
    assert said(here, "run/checkpoints/4", "--prompt", "tale 7: ") == whole
    scaled = said(here, "run", "--prompt", "tale 7: ", "--base", "--adapter-scale", "900")
    assert scaled.startswith("with its adapters × 900:\n")
    assert scaled.partition("\n")[2].partition("\n\nwithout")[0] != base.removesuffix("\n")
    found = said(here, "run", "--prompt", "tale 7: ", "--base", "--format", "json")
    more = "12 tokens are made; --max-tokens allows more"
    answers = [{"adapters": on, "text": text[:-1], "remark": more} for on, text in ((True, whole), (False, base))]
    assert json.loads(found) == {"version": 1, "answers": answers}
    piped = CliRunner().invoke(main, ["generate", "run", "-", *GREEDY], input="tale 7: \n")
    assert (piped.stdout, piped.stderr) == (whole, f"lorarun: {more}\n")


def test_a_checkpoint_of_phase_full_speaks_as_the_base_of_phase_lora(here: Path) -> None:
    base = said(here, "run", "--prompt", "tale 7: ", "--adapter-scale", "0")
    assert said(here, "run/checkpoints/2", "--prompt", "tale 7: ") == base
    for option in (["--base"], ["--adapter-scale", "1"]):
        done = lorarun(here, "generate", "run/checkpoints/2", "--prompt", "a", *option)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == f"lorarun: run/checkpoints/2 has no adapters; leave out {option[0]}\n"


def test_a_damaged_checkpoint_is_passed_over_and_said(here: Path) -> None:
    manifest = here / "run/checkpoints/4/manifest.json"
    manifest.write_text(manifest.read_text()[:-9])
    done = lorarun(here, "generate", "run", "--prompt", "a" * 30, *GREEDY)
    assert (done.exit_code, done.changed) == (0, set())
    assert done.stderr.startswith("lorarun: passed over: ")
    assert done.stderr.endswith("lorarun: the model's context of 32 tokens is full\n")
    for step in (2, 3):
        shutil.rmtree(here / f"run/checkpoints/{step}")
    done = lorarun(here, "generate", "run", "--prompt", "a")
    assert (done.exit_code, done.stdout) == (74, "")
    assert "lorarun: run holds no intact checkpoint: " in done.stderr


def ids_of(folder: Path, prompt: str) -> tuple[Any, list[int]]:
    """The target of a folder, and what its model says to a prompt."""
    target = find_target(folder)
    params = SamplingParams(0.0, vocabulary=target.tokenizer.vocabulary)
    model, variables = load_pretrained(folder)
    ids = target.tokenizer.encode(prompt).tolist()
    return target, list(decode.generate(model, variables, ids, params, max_tokens=12))


def test_a_folder_says_what_its_model_says_until_a_stop_token(there: Path, tmp_path: Path) -> None:
    target, ids = ids_of(there / "model", "the cat")
    assert said(there, "model", "--prompt", "the cat") == target.tokenizer.decode(ids) + "\n"
    stop = ids[5]
    write_model(tmp_path / "model", eos_token_id=[stop, 2])
    done = lorarun(there, "generate", str(tmp_path / "model"), "--prompt", "the cat", *GREEDY)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == target.tokenizer.decode(ids[: ids.index(stop)]) + "\n"


def test_adapters_of_peft_act_as_if_merged(there: Path) -> None:
    merged, base = said(there, "merged", "--prompt", "the cat"), said(there, "model", "--prompt", "the cat")
    assert said(there, "adapter", "--prompt", "the cat") == merged != base
    assert said(there, "adapter", "--prompt", "the cat", "--adapter-scale", "0") == base


class Recorded:
    """Stands in for the model: notes each prompt and the stop tokens, and says the same each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ids: list[int], interrupted: bool = False) -> None:
        self.prompts: list[list[int]] = []
        self.stop: Any = None
        self._ids, self._interrupted = ids, interrupted
        monkeypatch.setattr(answer, "generate", self.generate)

    def generate(self, model: Any, variables: Any, tokens: list[int], *_: Any, **settings: Any) -> Iterator[int]:
        self.prompts.append(list(tokens))
        self.stop = settings["stop"]
        yield from self._ids
        if self._interrupted:
            raise KeyboardInterrupt


def tokenizer_of(folder: Path) -> Any:
    return find_target(folder).tokenizer


def test_a_conversation_is_rendered_by_the_template_of_the_folder(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tokenizer_of(there / "model")
    recorded = Recorded(monkeypatch, tokenizer.encode("yes").tolist())
    record = {"messages": [*MESSAGES, {"role": "assistant", "content": "sat"}], "source": "a row of training data"}
    (there / "record.jsonl").write_text(json.dumps(record) + "\n")
    (there / "loud.jinja").write_text("{{ messages[0].content | upper }}!")
    for arguments in (
        ["--chat", "chat.json"],
        ["--chat", "record.jsonl"],
        ["--chat", "chat.json", "--system", "be brief"],
        ["--prompt", "the </s> cat", "--system", "be brief"],
        ["--message", "the </s> cat", "--system", "be brief"],
        ["--message", "the cat"],
        ["--chat", "chat.json", "--template", "loud.jinja"],
    ):
        assert said(there, "model", *arguments) == "yes\n"
    end = tokenizer.end  # the template's own; what a message spells so stays text

    def rendered(*turns: str) -> list[int]:
        return [number for turn in turns for number in (*tokenizer.encode(turn).tolist(), end)][:-1]

    assert recorded.prompts == [
        rendered("<user>the cat", "<assistant>"),
        rendered("<user>the cat", "<assistant>"),
        rendered("<system>be brief", "<user>the cat", "<assistant>"),
        rendered("<system>be brief", "<user>the </s> cat", "<assistant>"),
        rendered("<system>be brief", "<user>the </s> cat", "<assistant>"),
        rendered("<user>the cat", "<assistant>"),
        tokenizer.encode("THE CAT!").tolist(),
    ]
    assert recorded.stop == {end}


def test_what_a_template_leaves_out_and_what_is_answered_anew_is_said(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Recorded(monkeypatch, [20])
    tools = [{"type": "function", "function": {"name": "clock", "description": "tells the time"}}]
    (tmp_path / "chat.json").write_text(
        json.dumps({"messages": [*MESSAGES, {"role": "assistant", "content": "a"}], "tools": tools})
    )
    done = lorarun(there, "generate", "model", "--chat", str(tmp_path / "chat.json"))
    assert done.stderr == (
        "lorarun: the assistant's last message is left out, and answered anew\n"
        "lorarun: the chat template of 'model' leaves out the tool 'clock' ('clock')\n"
    )


def test_an_answer_without_a_word_is_remarked_on(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorded(monkeypatch, tokenizer_of(there / "model").encode("\n").tolist())
    for name, arguments, hint in (
        ("model", ["--prompt", "a"], "; it has a chat template: ask it with --message"),
        ("model", ["--message", "a"], ""),
        ("plain", ["--prompt", "a"], ""),
    ):
        done = lorarun(there, "generate", name, *arguments)
        assert (done.exit_code, done.stderr) == (0, f"lorarun: the model ended at once, and said nothing{hint}\n")


def test_what_was_made_stays_when_ctrl_c_is_pressed(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorded(monkeypatch, tokenizer_of(there / "model").encode("the mat").tolist(), interrupted=True)
    done = lorarun(there, "generate", "model", "--prompt", "a")
    assert (done.exit_code, done.stdout, done.stderr) == (130, "the mat\n", "")


def test_a_talk_goes_on_with_what_was_said(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = find_target(there / "model")
    recorded = Recorded(monkeypatch, target.tokenizer.encode("sat").tolist())
    lines = iter(["the cat", "", "on the mat"])

    def ask(prompt: str) -> str:
        assert prompt == "> "
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    talking.talk(target, {}, Settings(SamplingParams(), 9, frozenset()), "be brief", ask)
    parts = ["<system>be brief", "<user>the cat", "<assistant>sat", "<user>on the mat", "<assistant>"]
    ids = [*(number for part in parts for number in [*target.tokenizer.encode(part).tolist(), target.tokenizer.end])]
    assert recorded.prompts[1] == ids[:-1]
    assert capsys.readouterr().out == "sat\nsat\n\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere", "--prompt", "a"], 2, "nowhere does not exist; name a run directory such as runs/NAME, one of"),
        (["empty/run", "--prompt", "a"], 2, "empty/run does not exist; name a run directory"),
        (["empty", "--prompt", "a"], 2, "empty holds no run and no model; name a run directory such as runs/NAME"),
        (["bare", "--prompt", "a"], 2, "bare holds no tokenizer.json; put the tokenizer of the model there"),
        (["model"], 2, "there is no prompt; write --message TEXT, --prompt TEXT, --chat FILE, or - to"),
        (["model", "-", "--message", "a"], 2, "write one of --message, --prompt, --chat and -"),
        (["model", "--message", ""], 2, "the message is empty; write what a user says"),
        (["model", "--message", "\udc80"], 2, "the message is no text in UTF-8; write it in UTF-8"),
        (["model", "--prompt", ""], 2, "the prompt is empty; write some text to go on from"),
        (["model", "--prompt", "§" * 150], 2, "tokens, and the model's context is 128 with the answer; write a short"),
        (["model", "--prompt", "\udc80"], 2, "the prompt is no text in UTF-8; write it in UTF-8"),
        (["model", "--prompt", "a", "--base"], 2, "model has no adapters; leave out --base"),
        (["model", "--prompt", "a", "--adapter-scale", "1"], 2, "model has no adapters; leave out --adapter-scale"),
        (["model", "--prompt", "a", "--temperature", "-1"], 2, "temperature is -1.0; write a number from 0"),
        (["plain", "--chat", "chat.json"], 2, "'plain' has no chat template; name one with --template, or write"),
        (["model", "--chat", "nowhere.json"], 74, "cannot read nowhere.json: No such file or directory"),
        (["model", "--chat", "broken.json"], 2, "broken.json is no JSON of one conversation"),
        (["model", "--chat", "empty.json"], 2, "empty.json: 'messages' is an empty list"),
        (["model", "--chat", "answer.json"], 2, "answer.json has nothing to answer; write a user's message"),
        (["model", "--chat", "system.json", "--system", "b"], 2, "system.json has a system message already; leave out"),
        (["dora", "--prompt", "a"], 2, "is of no adapter that is computed here: use_dora is True"),
        (["ia3", "--prompt", "a"], 2, "peft_type is 'IA3', and LORA is wanted; merge the adapter into its base"),
        (["lost", "--prompt", "a"], 2, "names the base '../gone', and there is no such folder here with a config.json"),
        (["scaleless", "--prompt", "a"], 2, "r is 0, and a whole number from 1 is wanted; merge the adapter"),
        (["cut", "--prompt", "a"], 74, "can't be read: "),
        (["strange", "--prompt", "a"], 2, "its base: the tensor base_model.model.model.layers.7.mlp.up"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_can_not_be_answered_is_one_sentence(there: Path, arguments: list[str], code: int, says: str) -> None:
    done = lorarun(there, "generate", *arguments)
    assert (done.exit_code, done.stdout, done.changed) == (code, "", set())
    assert done.stderr.startswith("lorarun: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_that_has_saved_nothing_and_a_part_of_a_run_are_refused(here: Path) -> None:
    shutil.rmtree(here / "run/checkpoints")
    for named, says in (
        ("run", "run has no checkpoint yet; let its run save one"),
        ("run/base", "run/base is a part of a run; name run, or a folder such as run/export/merged"),
    ):
        done = lorarun(here, "generate", named, "--prompt", "a")
        assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"lorarun: {says}\n")
