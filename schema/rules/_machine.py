"""What rules about the machine share: places on the command line."""

from __future__ import annotations

from schema.text.diagnostic import Origin, Span


def argument(option: str, text: str) -> Span:
    """The place of a command-line option with its value."""
    return Span(Origin(f"{option} {text}", (text,)), 1, 1, 1, len(text) + 1)
