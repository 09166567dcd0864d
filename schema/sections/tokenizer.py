"""tokenizer: how text becomes token ids."""

from __future__ import annotations

from typing import Literal

from schema.sections._section import Section, key


class Tokenizer(Section):
    """tokenizer: one for the whole run; a token store remembers which one made it."""

    backend: Literal["byte"] = key("byte", "Kind of tokenizer; byte maps each UTF-8 byte to its value.")
