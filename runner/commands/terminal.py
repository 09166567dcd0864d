"""Writing to the terminal: whether colours are wanted, and what happens when nobody reads."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from runner.failure import ExitCode, Failure

NOBODY_READS = (errno.EPIPE, errno.EIO)  # of a pipe, of a terminal that has hung up
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def wants_colour(stream: TextIO) -> bool:
    """Whether to write colours: on a terminal that has them; NO_COLOR forbids and FORCE_COLOR asks, in this order."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str, *, err: bool = False) -> None:
    """Write a text to stdout or stderr; end quietly when the reader is gone, as `head` is after its last line.

    Letters that the stream's encoding lacks are written as escapes.
    """
    write_each([text], err=err)


def write_each(texts: Iterable[str], *, err: bool = False) -> None:
    """Write texts as `write` does, one after the other; none is asked for once the reader is gone."""
    stream = sys.stderr if err else sys.stdout
    encoding = stream.encoding or "utf-8"
    with read_or_not(stream):
        for text in texts:
            click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=False, err=err, color=True)


@contextmanager
def read_or_not(stream: TextIO) -> Iterator[None]:
    """Write to a stream within; when its reader or its terminal goes, the rest is lost without a word.

    Raises Failure STORAGE where standard output cannot be written, as on a full disk.
    """
    try:
        yield
        stream.flush()
    except OSError as error:
        _silence(stream)
        if error.errno not in NOBODY_READS and stream is sys.stdout:
            raise Failure(f"cannot write standard output: {error.strerror or error}", ExitCode.STORAGE) from error


@contextmanager
def help_read_or_not() -> Iterator[None]:
    """Let click write a page of help within; when its reader goes, as `head` does, nothing has failed."""
    try:
        yield
    except BrokenPipeError:  # commands write by the functions above
        _silence(sys.stdout)
        raise click.exceptions.Exit(ExitCode.DONE) from None


def _silence(stream: TextIO) -> None:
    """Let what is left go nowhere, also at exit; the exit code still says what was found."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_pieces(pieces: Iterable[str]) -> None:
    """Write texts to stdout as they come; when the reader is gone, no more of them is asked for.

    On a terminal, control characters that a text holds are written as escapes: they are for the terminal, not for us.
    """
    stream = sys.stdout
    encoding, controls = stream.encoding or "utf-8", CONTROLS if stream.isatty() else {}
    with read_or_not(stream):
        for piece in pieces:
            shown = piece.translate(controls)
            stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
