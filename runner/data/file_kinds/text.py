""".txt and .md files: a text each, read in parts, so that one of any length takes the memory of a part."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path

from runner.data.file_kinds.opened import opened
from runner.data.file_kinds.rows import FIRST_TEXT_BYTES, PART_BYTES, Part, not_utf8, printable


def read(path: Path, packing: str, *, whole: bool) -> Iterator[Part]:
    """Read a text in parts, or its beginning. Raises Failure INVALID, with the line, for what is no UTF-8; OSError."""
    decoder = getincrementaldecoder("utf-8-sig")()
    line, held = 1, ""
    with opened(path, packing) as file:
        while True:
            content = file.lines.read(PART_BYTES if whole else FIRST_TEXT_BYTES)
            ends = len(content) < PART_BYTES if whole else not file.lines.read(1)
            try:
                text = decoder.decode(content, final=ends)
            except UnicodeDecodeError as error:
                bad = error.object[error.start]
                line += error.object.count(b"\n", 0, error.start)
                raise not_utf8(f"{printable(path)}:{line}", bad) from error
            line += content.count(b"\n")
            if held and text:
                yield Part(held, file.done(), is_last=False)
            held = text or held
            if ends or not whole:
                yield Part(held, file.done(), is_last=True)
                return
