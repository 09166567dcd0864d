"""One answer as it is made: pieces of text, and why there are no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.generation.decode import generate, room_for
from runner.generation.sampling import SamplingParams
from runner.generation.stream import TextStream
from runner.generation.target import Target, Variables


@dataclass(frozen=True, slots=True)
class Settings:
    """How answers are made; they end at the ids `stop`."""

    params: SamplingParams
    max_tokens: int
    stop: frozenset[int]


class Answer:
    """The answer of a target to the prompt `ids`: to be iterated over once, as pieces of text.

    `text` is what was given out so far. `cut` says why it ended before the model did, once it has.
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
        self.cut: str | None = None

    def __iter__(self) -> Iterator[str]:
        """Yield the pieces. Each is whole: no character is divided."""
        stream, made = TextStream(self._decode), 0
        for number in self._tokens:
            made += 1
            yield from self._given(stream.push(number))
        yield from self._given(stream.end())
        if made == self._room:
            self.cut = f"the model's context of {self._longest:,} tokens is full"
        elif made == self._most:
            self.cut = f"{made:,} tokens are made; --max-tokens allows more"

    def _given(self, piece: str) -> Iterator[str]:
        self.text += piece
        if piece:
            yield piece
