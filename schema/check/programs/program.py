"""How a file of another program is known."""

from __future__ import annotations

from typing import NamedTuple


class Program(NamedTuple):
    """How a file of a program is known, and what its keys are called here where their last part does not say so."""

    name: str
    must: tuple[str, ...]
    some: tuple[str, ...] = ()
    least: int = 0
    ours: dict[str, str] = {}  # noqa: RUF012  a NamedTuple's default is never changed
    trains: bool = True
