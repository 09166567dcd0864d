"""Rendered text with supervised spans → token ids and one flag a token, by the library `tokenizers`.

The special tokens are the template's own: none is added, and text inside a message never becomes one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from tokenizers import Encoding, Tokenizer

from runner.data.chat.literal import SpecialTexts
from runner.data.chat.supervise import Supervised
from runner.data.chat.template import Spans
from runner.data.tokenizer_files import is_control

_SHOWN = 16  # characters of an answer's end


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, (tokens,), and whether each is learned, (tokens,)."""

    ids: tuple[int, ...]
    supervised: tuple[bool, ...]


class _Piece(NamedTuple):
    """One token, with the characters [start, end) of the text that it stands for."""

    id: int
    start: int
    end: int


class ChatEncoder:
    """Encodes conversations by one tokenizer, of which it keeps a copy, and two more where messages spell its tokens.

    `specials` is what `supervise` must know of it.
    """

    def __init__(self, tokenizer: Tokenizer, control: Collection[str] = ()) -> None:
        """Copy a tokenizer. Special is what its file calls so, what is spelled <|so|>, and `control`, say its </s>.

        DeepSeek's file calls <｜User｜> ordinary. Tags such as <think> stay ordinary: answers may hold them.
        """
        facts = json.loads(tokenizer.to_str())
        facts.update(post_processor=None, truncation=None, padding=None)  # offsets keep their blanks, rows their length
        for token in facts["added_tokens"]:
            named = token["content"] in control or is_control(token["content"])
            token["special"] = token["special"] or bool(named)
        self._facts = json.dumps(facts)
        self._whole = Tokenizer.from_str(self._facts)
        added = self._whole.get_added_tokens_decoder()
        self._specials = {number: token.content for number, token in added.items() if token.special}
        self.specials = SpecialTexts(self._specials.values())
        model = facts["model"]
        unknown = {model.get("unk_id"), self._whole.token_to_id(model.get("unk_token") or "")}
        self._never_text = self._specials.keys() - unknown

    def is_special(self, number: int) -> bool:
        """Whether an id is that of a special token."""
        return number in self._specials

    @cached_property
    def _literal_first(self) -> Tokenizer:
        return _without_specials(self._facts)

    @cached_property
    def _literal_later(self) -> Tokenizer:
        """A text behind a special token is not the first one: what is put before the first word is not put there."""
        facts = json.loads(self._facts)
        return _without_specials(json.dumps(facts | {"pre_tokenizer": _never_first(facts["pre_tokenizer"])}))

    def encode(self, row: Supervised) -> Encoded:
        """Encode one conversation. Raises ValueError as `encode_batch`."""
        return self.encode_batch([row])[0]

    def encode_batch(self, rows: Sequence[Supervised]) -> list[Encoded]:
        """Encode conversations, in parallel where the library does so.

        Raises ValueError where an answer lacks the special token behind it, for then nobody learns to stop, and where
        the tokenizer makes a special token of text, as those do that look whole words or pieces up.
        """
        found = self._whole.encode_batch([row.guarded for row in rows], add_special_tokens=False)
        return [self._flagged(row, encoding) for row, encoding in zip(rows, found, strict=True)]

    def _flagged(self, row: Supervised, encoding: Encoding) -> Encoded:
        plain = row.guarded == row.text
        pieces = _pieces(encoding) if plain else list(self._split(row, encoding))
        for piece in pieces:
            if piece.id in self._never_text and not self._is_special(piece, row.guarded):
                raise ValueError(
                    f"this tokenizer makes its special token {self._specials[piece.id]} of a text in it; change that "
                    "text, or write another tokenizer"
                )
        supervised = _overlapping(pieces, row.spans)
        if row.spoken:
            self._check_ends(row, pieces, supervised)
        return Encoded(tuple(piece.id for piece in pieces), tuple(supervised))

    def _split(self, row: Supervised, encoding: Encoding) -> Iterator[_Piece]:
        """The tokens of a text where messages spell special tokens: the template's own, and text between them."""
        before = 0
        for special in [piece for piece in _pieces(encoding) if self._is_special(piece, row.guarded)]:
            yield from self._between(row.text, before, special.start)
            yield special
            before = special.end
        yield from self._between(row.text, before, len(row.text))

    def _between(self, text: str, start: int, end: int) -> list[_Piece]:
        if start == end:
            return []
        literal = self._literal_later if start else self._literal_first
        found = _pieces(literal.encode(text[start:end], add_special_tokens=False))
        return [_Piece(piece.id, start + piece.start, start + piece.end) for piece in found]

    def _is_special(self, piece: _Piece, text: str) -> bool:
        """Whether the text spells the token: an unknown character gets a special id too."""
        token = self._specials.get(piece.id)
        return token is not None and text[piece.start : piece.end].strip() == token

    def _check_ends(self, row: Supervised, pieces: list[_Piece], supervised: list[bool]) -> None:
        """Check that a special token ends what is learned, in front of the template's next one and at the end."""
        special, ended = "", True
        for piece, learned in zip(pieces, supervised, strict=True):
            is_special = self._is_special(piece, row.guarded)
            if learned:
                # Some templates have the blanks behind the end of a turn learned too.
                ended = is_special or (ended and not row.text[piece.start : piece.end].strip())
            elif is_special and not ended:
                special = self._specials[piece.id]
                break
        if not ended:
            last = row.text[row.spans[-1][0] : row.spans[-1][1]].rstrip()[-_SHOWN:]
            lacking = (
                f"the {special} behind it" if special else f"a special token of this tokenizer at its end ({last!r})"
            )
            raise ValueError(
                f"an answer is learned without {lacking}, so the model would never stop; write a chat/template that "
                "ends answers by such a token, before {% endgeneration %} where it has that"
            )


def _without_specials(facts: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(facts)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _never_first(part: Any) -> Any:
    """Change "first" into "never" wherever a pre-tokenizer says what it puts before words."""
    if isinstance(part, dict):
        changed = {key: _never_first(value) for key, value in part.items()}
        return changed | {"prepend_scheme": "never"} if part.get("prepend_scheme") == "first" else changed
    return [_never_first(each) for each in part] if isinstance(part, list) else part


def _pieces(encoding: Encoding) -> list[_Piece]:
    return [_Piece(number, start, end) for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)]


def _overlapping(pieces: Sequence[_Piece], spans: Spans) -> list[bool]:
    """Whether each token stands for a character of a span, or for none but lies inside one."""
    flags, place = [], 0
    for _, start, end in pieces:
        while place < len(spans) and spans[place][1] <= start:
            place += 1
        flags.append(place < len(spans) and spans[place][0] < end and start < spans[place][1])
    return flags
