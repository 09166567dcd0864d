"""The byte tokenizer: a UTF-8 byte is its own token id, 256 ends a text, 257 pads a row.

It needs no files and no training; it deliberately has no merges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schema.tokenizers import END_OF_TEXT
from schema.tokenizers import PAD as PADDING

END = 256
PAD = 257
VOCABULARY = 258


@dataclass(frozen=True, slots=True)
class ByteTokenizer:
    """Satisfies `runner.data.tokenizers.Tokenizer`."""

    fingerprint: str = "byte/utf-8/end=256/pad=257"
    vocabulary: int = VOCABULARY
    end: int = END
    pad: int = PAD
    begin: None = None

    @property
    def special(self) -> Mapping[int, str]:
        """Names of the end of a text and of padding, by id."""
        return {END: END_OF_TEXT, PAD: PADDING}

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the UTF-8 bytes of a text as ids, (tokens,); raises UnicodeEncodeError on lone surrogates."""
        return np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int32)

    def encode_batch(self, texts: Sequence[str], *, continued: bool = False) -> list[npt.NDArray[np.int32]]:
        """Return the ids of each text, (tokens,), wherever it stands; raises as `encode` does."""
        del continued
        return [self.encode(text) for text in texts]

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of ids, (tokens,); bytes that are no UTF-8 become U+FFFD.

        Raises ValueError when an id is outside 0 … 257.
        """
        values = np.asarray(ids, np.int64).reshape(-1)
        if values.size and (values.min() < 0 or values.max() >= VOCABULARY):
            raise ValueError(f"token ids must lie in 0 … {VOCABULARY - 1}, not {values.min()} … {values.max()}")
        return values[values < END].astype(np.uint8).tobytes().decode("utf-8", errors="replace")
