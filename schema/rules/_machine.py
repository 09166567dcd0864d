"""What rules about the machine share: the mesh, places on the command line, sizes in words."""

from __future__ import annotations

from math import prod

from schema.budget.mesh import mesh_axes
from schema.document import Document, Unavailable
from schema.text.diagnostic import Origin, Span

UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def argument(option: str, text: str) -> Span:
    """The place of a command-line option with its value."""
    return Span(Origin(f"{option} {text}", (text,)), 1, 1, 1, len(text) + 1)


def axes(document: Document) -> dict[str, int]:
    """Size of each mesh axis; raise Unavailable where the devices are unknown and matter, or the mesh doesn't fit.

    On devices that nobody counted, an axis of -1 is taken for one where it is `data`, which splits no array.
    """
    mesh, machine = document.view("mesh"), document.environment
    asked = {"data": mesh.data, "fsdp": mesh.fsdp, "tensor": mesh.tensor}
    devices = machine.devices if machine else None
    if devices is None:
        if mesh.fsdp < 1 or mesh.tensor < 1 or mesh.data == 0:
            raise Unavailable("mesh")
        devices = prod(max(size, 1) for size in asked.values())
    try:
        return mesh_axes(mesh, devices)
    except ValueError as error:
        raise Unavailable("mesh") from error


def in_words(size: int) -> str:
    """Bytes in the largest binary unit that keeps the number above one: 1.5 GiB."""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, len(UNITS))
    return f"{size / 1024**power:.1f} {UNITS[power - 1]}"
