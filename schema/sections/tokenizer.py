"""tokenizer: how text becomes token ids."""

from __future__ import annotations

from typing import Literal

from schema.section import Section, key

Encoding = Literal["gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony"]


class Tokenizer(Section):
    """tokenizer: one for the whole run; a token store remembers which one made it."""

    backend: Literal["byte", "tiktoken"] = key(
        "byte",
        "Kind of tokenizer; byte maps each UTF-8 byte to its value, tiktoken loads the encoding called name.",
        change="breaking",
    )
    name: Encoding | None = key(
        None, "Encoding of backend tiktoken, which needs one; the byte tokenizer has none.", change="breaking"
    )
