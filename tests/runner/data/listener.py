"""A preparation that keeps what it says."""

from __future__ import annotations

from runner.data.stores.display import Silent


class Listener(Silent):
    """Shows no progress; `sentences` are what was said."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)
