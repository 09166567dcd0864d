"""What a tokenizer is to the rest of the program. It deliberately says nothing about how text is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Tokenizer(Protocol):
    """Text ⇄ token ids in 0 … vocabulary - 1; `begin` opens a document and `end` closes it, `pad` fills a row."""

    @property
    def fingerprint(self) -> str:
        """Identify the mapping: stores made under another fingerprint are made again."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of token ids, `end` and `pad` included."""
        ...

    @property
    def begin(self) -> int | None:
        """Id of the beginning-of-text token; None where documents begin without one."""
        ...

    @property
    def end(self) -> int:
        """Id of the end-of-text token."""
        ...

    @property
    def pad(self) -> int:
        """Id that fills a row behind its example, under the mask."""
        ...

    @property
    def special(self) -> Mapping[int, str]:
        """Names of the tokens that no text becomes, by id."""
        ...

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the ids of a text, (tokens,), without end of text. Raises UnicodeEncodeError on lone surrogates."""
        ...

    def encode_batch(self, texts: Sequence[str], *, continued: bool = False) -> list[npt.NDArray[np.int32]]:
        """Return the ids of each text, (tokens,), as `encode` does, or, where `continued`, as what follows other text.

        A tokenizer that puts a space before the first word of a text puts none there.
        """
        ...

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of ids, (tokens,); `end` and `pad` have none. Raises ValueError on ids out of range."""
        ...
