"""OpenAI's encodings through the library tiktoken, which fetches a file on first use and keeps it.

Special tokens that stand in a text are text here: only the end of a document is `<|endoftext|>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.failure import ExitCode, Failure
from schema.text.wording import join
from schema.tokenizers import ENCODINGS


@dataclass(frozen=True, slots=True)
class TiktokenTokenizer:
    """Satisfies `runner.data.tokenizers.Tokenizer`; rows are padded with the end token, under a mask."""

    encoding: Any  # tiktoken.Encoding

    @property
    def fingerprint(self) -> str:
        """Name and end token: tiktoken checks the file of an encoding by its hash."""
        return f"tiktoken/{self.encoding.name}/end={self.end}"

    @property
    def vocabulary(self) -> int:
        """Number of token ids, special ones included."""
        return int(self.encoding.n_vocab)

    @property
    def begin(self) -> None:
        """None: these encodings have no beginning of text."""
        return None

    @property
    def end(self) -> int:
        """Id of <|endoftext|>."""
        return int(self.encoding.eot_token)

    @property
    def pad(self) -> int:
        """The end token again: these encodings have no padding of their own."""
        return self.end

    @property
    def special(self) -> Mapping[int, str]:
        """Names of all special tokens of the encoding, by id."""
        return {self.encoding.encode_single_token(name): name for name in sorted(self.encoding.special_tokens_set)}

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the ids of a text, (tokens,), with special tokens as plain text.

        Raises UnicodeEncodeError on lone surrogates, which tiktoken would replace.
        """
        text.encode("utf-8")
        return np.asarray(self.encoding.encode_ordinary(text), np.int32)

    def encode_batch(self, texts: Sequence[str], *, continued: bool = False) -> list[npt.NDArray[np.int32]]:
        """Return the ids of each text, (tokens,), wherever it stands; encoded in parallel, raises as `encode` does."""
        del continued
        for text in texts:
            text.encode("utf-8")
        return [np.asarray(ids, np.int32) for ids in self.encoding.encode_ordinary_batch(list(texts))]

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of ids, (tokens,); `end` has none. Raises ValueError on ids that don't exist."""
        values = np.asarray(ids, np.int64).reshape(-1)
        try:
            return str(self.encoding.decode(values[values != self.end].tolist()))
        except (KeyError, OverflowError) as error:
            raise ValueError(f"token id {error} is none of {self.encoding.name}") from error


def require_tiktoken() -> None:
    """Raise Failure INVALID when the library can't be imported."""
    try:
        import tiktoken  # noqa: F401
    except ImportError as error:
        raise Failure(
            "tokenizer/backend is tiktoken, which is not installed; pip install 'lorarun[tiktoken]'", ExitCode.INVALID
        ) from error


def load_tiktoken(name: str) -> TiktokenTokenizer:
    """Load an encoding. Raises Failure INVALID without the library, STORAGE when its file can't be had."""
    require_tiktoken()
    import tiktoken

    if name not in ENCODINGS:
        raise Failure(f"tokenizer/name can't be '{name}'; write {join(ENCODINGS, 'or')}", ExitCode.INVALID)
    try:
        return TiktokenTokenizer(tiktoken.get_encoding(name))
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong hash is a ValueError
        raise Failure(
            f"cannot load the encoding {name}: {error}; where there is no network, set TIKTOKEN_CACHE_DIR to a folder "
            "that holds its file",
            ExitCode.STORAGE,
        ) from error
