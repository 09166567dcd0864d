"""tokenizer: how text becomes token ids."""

from __future__ import annotations

from typing import Literal

from schema.section import Section, key


class Tokenizer(Section):
    """tokenizer: one for the whole run; a token store remembers which one made it."""

    backend: Literal["byte", "tiktoken", "huggingface"] = key(
        "byte",
        "Kind of tokenizer; byte maps each UTF-8 byte to its value, tiktoken loads the encoding called name, "
        "huggingface the tokenizer.json in the folder called name, which is the default with a pretrained model.",
        change="breaking",
    )
    name: str | None = key(
        None,
        "Encoding of backend tiktoken, such as gpt2; folder of backend huggingface, or OWNER/NAME[@REVISION] on the "
        "hub, by default that of the model in architecture/pretrained. The byte tokenizer has none.",
        min_length=1,
        change="free with the same content",
    )
    add_bos: bool | None = key(
        None,
        "Whether a document begins with the beginning-of-text token of backend huggingface; null does what its files "
        "say. Every document ends with the end-of-text token.",
        change="breaking",
    )
