"""One answer as it is made: pieces of text, and what is to be said of its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.generation.decode import generate, room_for
from runner.generation.sampling import SamplingParams
from runner.generation.stream import TextStream
from runner.generation.target import Target, Variables

NOTHING_SAID = "the model ended at once, and said nothing"


@dataclass(frozen=True, slots=True)
class Settings:
    """How answers are made; they end at the ids `stop`."""

    params: SamplingParams
    max_tokens: int
    stop: frozenset[int]


class Answer:
    """The answer of a target to the prompt `ids`: to be iterated over once, as pieces of text.

    `text` is what was given out so far. `remark` says, at the end, why it came before the model's own, or that there is
    no word before it; None where neither is so.
    """

    def __init__(self, target: Target, variables: Variables, ids: Sequence[int], settings: Settings) -> None:
        self._room = room_for(target.model, ids)
        self._longest = target.model.options.block_size
        self._most = settings.max_tokens
        self._decode = target.tokenizer.decode
        self._tokens = generate(
            target.model, variables, ids, settings.params, max_tokens=settings.max_tokens, stop=settings.stop
        )
        self.text = ""
        self.remark: str | None = None

    def __iter__(self) -> Iterator[str]:
        """Yield the pieces. Each is whole: no character is divided."""
        stream, made = TextStream(self._decode), 0
        for number in self._tokens:
            made += 1
            yield from self._given(stream.push(number))
        yield from self._given(stream.end())
        if made == self._room:
            self.remark = f"the model's context of {self._longest:,} tokens is full"
        elif made == self._most:
            self.remark = f"{made:,} tokens are made; --max-tokens allows more"
        elif not self.text.strip():
            self.remark = NOTHING_SAID

    def _given(self, piece: str) -> Iterator[str]:
        self.text += piece
        if piece:
            yield piece
