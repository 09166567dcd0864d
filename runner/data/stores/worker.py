"""A process that encodes batches for another one, which it answers through a socket until that is closed.

It makes its own tokenizer, by the sections of the spec, and does nothing else: it writes no file.
"""

from __future__ import annotations

import signal
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from runner.data.chat.open_chat import chat_rows
from runner.data.stores.encode import Encoded, Encoder
from runner.data.tokenizers import load_tokenizer
from runner.failure import ExitCode, Failure
from runner.process.preemption import SIGNALS, UNLESS_TAKEN
from schema.sections.chat import Chat
from schema.sections.tokenizer import Tokenizer


class Recipe(NamedTuple):
    """What an encoder is made of: sections of a spec; `chat` is None where no conversations are encoded."""

    tokenizer: Tokenizer
    chat: Chat | None


class Refused(NamedTuple):
    """What a worker answers in place of a result: a refusal, or without an `exit_code` an error with its traceback."""

    message: str
    exit_code: ExitCode | None
    details: dict[str, object]

    def error(self) -> Exception:
        """Return it as whoever waits for the answer raises it."""
        if self.exit_code is None:
            return RuntimeError(f"a worker of the preparation failed: {self.message}")
        return Failure(self.message, self.exit_code, self.details)


def make_encoder(recipe: Recipe) -> Encoder:
    """Make an encoder. Raises Failure as loading its tokenizer and its template does."""
    tokenizer = load_tokenizer(recipe.tokenizer)
    return Encoder(tokenizer, None if recipe.chat is None else chat_rows(recipe.chat, tokenizer))


def serve(handle: int) -> None:
    """Answer what comes through a socket, given by its number, until it is closed; signals are for whoever asks."""
    for number in (*SIGNALS, *UNLESS_TAKEN):
        signal.signal(number, signal.SIG_IGN)
    with Connection(handle) as connection:
        answer(connection)


def answer(connection: Connection) -> None:
    """Answer batches, which come behind a recipe and the fingerprint of what is made by it, until nobody asks."""
    encoder: Encoder | None = None
    with suppress(EOFError, OSError):
        recipe, fingerprint = connection.recv()
        while True:
            content = connection.recv()
            try:
                encoder = encoder or _checked(make_encoder(recipe), fingerprint)
                found: Encoded | Refused = encoder.encode(content)
            except Failure as failure:
                found = Refused(str(failure), failure.exit_code, dict(failure.details))
            except Exception as error:
                found = Refused(f"{type(error).__name__}: {error}\n{traceback.format_exc()}", None, {})
            connection.send(found)


def _checked(encoder: Encoder, fingerprint: str) -> Encoder:
    """Return an encoder that is what the one who asked has. Raises Failure STORAGE where files changed meanwhile."""
    if encoder.fingerprint != fingerprint:
        raise Failure(
            "the files of the tokenizer or of the chat template changed while data were prepared; run the same command "
            "again",
            ExitCode.STORAGE,
        )
    return encoder
