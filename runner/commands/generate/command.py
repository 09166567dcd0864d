"""`lorarun generate`: the options, and the answers of a model, with its adapters and without, as they are made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.commands.exits import TRACEBACK, leave_cleanly, wants_json
from runner.commands.options import FORMAT
from runner.commands.terminal import write, write_pieces
from runner.failure import ExitCode, Failure
from runner.process.surroundings import program_cache, start_jax

if TYPE_CHECKING:
    from runner.generation.answer import Settings
    from runner.generation.target import Target, Variables


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks: a text, a user's message or a file with a conversation; else a talk."""

    text: str | None
    message: str | None
    chat: Path | None
    system: str | None

    @property
    def talks(self) -> bool:
        """Whether a conversation is to be held on the terminal."""
        return self.text is None and self.message is None and self.chat is None

    @property
    def raw(self) -> bool:
        """Whether the model goes on from a text, without a chat template."""
        return self.text is not None and self.system is None


@click.command("generate")
@click.argument("model", metavar="RUN|FOLDER", type=click.Path(path_type=Path))
@click.argument("stdin", metavar="[-]", required=False, type=click.Choice(["-"]))
@click.option("--message", metavar="TEXT", help="A user's message to answer, by the chat template of the model.")
@click.option("--prompt", metavar="TEXT", help="Text that the model goes on from, as it stands.")
@click.option(
    "--chat", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="JSON file with messages to answer."
)
@click.option("--system", metavar="TEXT", help="System message; a prompt becomes a user's message behind it.")
@click.option("--template", metavar="NAME|FILE", help="Chat template, in place of the model's own.")
@click.option("--base", is_flag=True, help="Show the model without its adapters beside it.")
@click.option("--adapter-scale", type=float, metavar="X", help="Multiply what the adapters add; 0 is the base.")
@click.option("--max-tokens", type=click.IntRange(min=1), default=256, show_default=True, help="Longest answer.")
@click.option(
    "--temperature", type=float, default=0.7, show_default=True, help="0 takes the likeliest token, more varies more."
)
@click.option("--top-k", type=int, help="Draw of the K likeliest tokens alone.")
@click.option("--top-p", type=float, default=1.0, show_default=True, help="Draw of the likeliest P of probability.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same tokens.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Type of weights and computation. Default: that of the run; float32 for a folder.",
)
@FORMAT
@TRACEBACK
def command(model: Path, stdin: str | None, prompt: str | None, traceback: bool, **options: Any) -> None:
    """Write what a model says, as it says it.

    RUN is a run directory, whose newest intact checkpoint is taken, or a checkpoint such as
    runs/NAME/checkpoints/STEP. FOLDER is a model of Hugging Face, also OWNER/NAME on the hub, or an adapter of PEFT
    that names its base.

    A model that was trained on conversations answers --message TEXT, or the conversation in --chat FILE: a list of
    messages {role, content}, or one record with messages. The chat template of the model renders them. Any model goes
    on from the text of --prompt, or, with -, from standard input without the end of its last line. With none of them
    a conversation is held on the terminal.
    """
    with leave_cleanly(traceback), quiet_interrupt():
        if sum(each is not None for each in (stdin, prompt, options["message"], options["chat"])) > 1:
            raise Failure("write one of --message, --prompt, --chat and -", ExitCode.INVALID)
        text = _standard_input() if stdin else prompt
        asked = Asked(text, options["message"], options["chat"], options["system"])
        if asked.talks and not (sys.stdin.isatty() and sys.stdout.isatty() and options["layout"] == "text"):
            raise Failure(
                "there is no prompt; write --message TEXT, --prompt TEXT, --chat FILE, or - to read it",
                ExitCode.INVALID,
            )
        start_jax()
        from runner.process.computing import computing  # with jax

        with computing() as remarks:
            for remark in remarks:
                _say(remark)
            _run(model, asked, options)


def _run(model: Path, asked: Asked, options: dict[str, Any]) -> None:
    from runner.generation.answer import NOTHING_SAID, Settings
    from runner.generation.chat import chat_of, has_template, stop_tokens
    from runner.generation.find import find_target
    from runner.generation.sampling import SamplingParams
    from runner.mesh import enable_compilation_cache
    from schema.sections.chat import Chat

    enable_compilation_cache(program_cache())
    target = find_target(model, options["dtype"], _say)
    if options["template"]:
        target = replace(target, chat=Chat(template=options["template"]))
        chat_of(target)  # refuses one that there is not, whether or not it is needed
    for remark in target.remarks:
        _say(remark)
    if not target.has_adapters and (options["base"] or options["adapter_scale"] is not None):
        name = "--base" if options["base"] else "--adapter-scale"
        raise Failure(f"{model} has no adapters; leave out {name}", ExitCode.INVALID)
    if not isfinite(options["adapter_scale"] or 0):
        raise Failure(f"--adapter-scale is {options['adapter_scale']}; write a finite number", ExitCode.INVALID)
    drawn = {name: options[name] for name in ("temperature", "top_k", "top_p", "seed")}
    params = SamplingParams(**drawn, vocabulary=target.tokenizer.vocabulary)
    settings = Settings(params, options["max_tokens"], stop_tokens(target))
    if asked.talks:
        from runner.commands.generate.talk import talk

        if options["base"]:
            raise Failure("--base needs --message, --prompt, --chat or -", ExitCode.INVALID)
        talk(target, dict(_shown(target, options))[""], settings, asked.system)
        return
    ids = _ids(target, asked)
    if options["layout"] == "json":
        _write_answers(target, ids, settings, options)
        return
    remarks = {}
    for number, (label, variables) in enumerate(_shown(target, options)):
        if label:
            write_pieces([("\n" if number else "") + f"{label}:\n"])
        remarks[_answer(target, variables, ids, settings)] = True
    hint = "; it has a chat template: ask it with --message" if asked.raw and has_template(target) else ""
    for sentence in filter(None, remarks):
        _say(sentence + (hint if sentence == NOTHING_SAID else ""))


def _ids(target: Target, asked: Asked) -> list[int]:
    """Encode what was asked, and refuse a prompt that is too long before a weight is read."""
    from runner.data.chat.conversation import Conversation, Message
    from runner.generation.chat import chat_of
    from runner.generation.decode import room_for
    from runner.generation.prompt import encode_text, read_conversation_file, read_prompt_file, with_system

    if asked.raw:
        ids = encode_text(target.tokenizer, asked.text or "")
    else:
        chat = chat_of(target)
        if asked.chat is None:
            said = asked.text if asked.message is None else asked.message
            if not said:
                raise Failure("the message is empty; write what a user says", ExitCode.INVALID)
            conversation = with_system(Conversation((Message("user", said),)), asked.system)
        else:
            text = read_prompt_file(asked.chat)
            conversation, answered = read_conversation_file(text, str(asked.chat), asked.system)
            if answered:
                _say("the assistant's last message is left out, and answered anew")
        ids = chat.encode(conversation)
        if lost := chat.losses(conversation):
            _say(lost)
    room_for(target.model, ids)
    return ids


def _shown(target: Target, options: dict[str, Any]) -> Iterator[tuple[str, Variables]]:
    """Yield the variables that are asked for, each with what it is called where there are two."""
    from runner.generation.target import scale_adapters

    variables, scale = target.load(), options["adapter_scale"]
    times = "" if scale is None else f" × {scale:g}"
    label = f"with its adapters{times}" if options["base"] else ""
    yield label, variables if scale is None else scale_adapters(variables, scale)
    if options["base"]:
        yield "without its adapters", scale_adapters(variables, 0.0)


def _write_answers(target: Target, ids: list[int], settings: Settings, options: dict[str, Any]) -> None:
    """Write all answers as one object, once they are made."""
    from runner.generation.answer import Answer
    from schema.formats import json_text

    answers = []
    for number, (_, variables) in enumerate(_shown(target, options)):
        answer = Answer(target, variables, ids, settings)
        for _piece in answer:
            pass
        answers.append({"adapters": target.has_adapters and not number, "text": answer.text, "remark": answer.remark})
    write(json_text({"answers": answers}))


def _answer(target: Target, variables: Variables, ids: list[int], settings: Settings) -> str | None:
    """Write an answer; return what is to be said of its end."""
    from runner.generation.answer import Answer

    answer = Answer(target, variables, ids, settings)
    write_pieces(answer)
    if not answer.text.endswith("\n"):
        write_pieces(["\n"])
    return answer.remark


def _say(sentence: str) -> None:
    write(f"lorarun: {sentence}\n", err=True)


def _standard_input() -> str:
    """Read the prompt, without the end of its last line, which an editor or echo puts there."""
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise Failure("standard input is no text in UTF-8; write it in UTF-8", ExitCode.INVALID) from error


@contextmanager
def quiet_interrupt() -> Iterator[None]:
    """End on Ctrl-C without a word, but for programs: what was written stays, and nothing is lost."""
    try:
        yield
    except KeyboardInterrupt as error:
        if wants_json():
            raise Failure("stopped before the answer was whole", ExitCode.IMPATIENT) from error
        write_pieces(["\n"])
        sys.exit(ExitCode.IMPATIENT)
