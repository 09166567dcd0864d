"""What rules about the machine share: places on the command line, sizes in words."""

from __future__ import annotations

from schema.text.diagnostic import Origin, Span

UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def argument(option: str, text: str) -> Span:
    """The place of a command-line option with its value."""
    return Span(Origin(f"{option} {text}", (text,)), 1, 1, 1, len(text) + 1)


def in_words(size: int) -> str:
    """Bytes in the largest binary unit that keeps the number above one: 1.5 GiB."""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, len(UNITS))
    return f"{size / 1024**power:.1f} {UNITS[power - 1]}"
