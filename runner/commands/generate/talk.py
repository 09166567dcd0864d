"""A conversation on the terminal: a line of the user, the model's answer, until Ctrl-D."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.commands.terminal import write, write_pieces
from runner.generation.answer import Answer, Settings
from runner.generation.chat import chat_of

if TYPE_CHECKING:
    from runner.generation.target import Target, Variables


def talk(
    target: Target,
    variables: Variables,
    settings: Settings,
    system: str | None,
    ask: Callable[[str], str] = input,
) -> None:
    """Answer what `ask` returns, the whole conversation each time, until it raises EOFError or KeyboardInterrupt.

    Ctrl-C while the model answers ends the answer, which stays in the conversation. Raises Failure INVALID where the
    template refuses a turn, or the conversation fills the context.
    """
    from runner.data.chat.conversation import Conversation, Message
    from runner.generation.prompt import with_system

    chat = chat_of(target)
    conversation = with_system(Conversation(()), system)
    while True:
        try:
            said = ask("> ")
        except (EOFError, KeyboardInterrupt):
            write_pieces(["\n"])
            return
        if not said.strip():
            continue
        conversation = Conversation((*conversation.messages, Message("user", said)))
        answer = Answer(target, variables, chat.encode(conversation), settings)
        with suppress(KeyboardInterrupt):
            write_pieces(answer)
        write_pieces(["\n"])
        if answer.remark:
            write(f"lorarun: {answer.remark}\n", err=True)
        conversation = Conversation((*conversation.messages, Message("assistant", answer.text)))
