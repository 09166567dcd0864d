"""chat: how conversations become rows."""

from __future__ import annotations

from typing import Literal

from schema.section import Section, key


class Chat(Section):
    """chat: for datasets whose data/sources/NAME names messages or instruction; the others don't read it."""

    template: str | None = key(
        None,
        "Chat template: chatml, llama3, gemma, mistral, alpaca, or a file of Jinja, from the working directory; null "
        "takes the one in the folder of the tokenizer.",
        min_length=1,
        change="free with the same content",
    )
    train_on: Literal["assistant", "last", "all"] = key(
        "assistant",
        "What of a conversation is supervised: every answer of the assistant with the token that ends its turn, the "
        "last answer alone, or all tokens.",
        change="breaking",
    )
