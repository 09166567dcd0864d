"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from pathlib import Path

import click

SETTING = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key, such as --set training/batch_size=8; checked like the YAML. Repeatable.",
)
FORMAT = click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json"]),
    default="text",
    help="For people, or one JSON object for programs, an error too. Default: text.",
)
SPEC = click.argument("spec", type=click.Path(path_type=Path))
UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}


def read_size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read a number of bytes, with a unit or without: 80GiB, 16G, 17179869184."""
    if text is None:
        return None
    parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?i?)B?", text)
    if parts is None or parts[2] not in UNITS or not float(parts[1]):
        raise click.BadParameter(f"{text!r} is no size; write 80GiB, for instance")
    return int(float(parts[1]) * UNITS[parts[2]])
