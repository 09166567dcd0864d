"""What a person sees of a run: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import IO, Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from runner.data.stores.display import Advance
from runner.failure import ExitCode, Failure
from runner.metrics._sink import Record, Value

PLAIN_SECONDS = 30.0  # between lines about a preparation where there is no terminal
NARROWEST, WIDTH = 20, 80  # columns: of the least that is believed, and of what has none


class RunConsole(Console):
    """Standard output, or `stderr`, as a run writes to it: nothing is coloured, wrapped or read as markup.

    Training continues without words when nobody reads them any more, or its terminal is gone; where they cannot be
    written, it ends. Letters that an encoding lacks are written as escapes.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)
        if self.width < NARROWEST:  # a variable COLUMNS of 0 would let every word vanish
            self.width = WIDTH

    @property
    def file(self) -> IO[str]:
        """The stream that is written to, whatever becomes of it."""
        return cast("IO[str]", _Written(super().file, self))

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as every console does. Raises Failure STORAGE where that cannot be written, as on a full disk."""
        try:
            super().print(*objects, **options)
        except OSError as error:
            self.on_broken_pipe()
            where = "standard error" if self.stderr else "standard output"
            raise Failure(f"cannot write {where}: {error.strerror or error}", ExitCode.STORAGE) from error

    def on_broken_pipe(self) -> None:
        """Take a closed pipe as the wish to hear nothing."""
        self.quiet = True
        with suppress(OSError, ValueError, AttributeError):  # a stream of Python's own, as in a notebook
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if self.stderr else sys.stdout).fileno())


class _Written:
    """A stream that a console writes to, also from the thread that draws its live line."""

    def __init__(self, stream: IO[str], console: RunConsole) -> None:
        self._stream, self._console = stream, console

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, with escapes for letters that the stream's encoding lacks."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with self._heard():
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        with self._heard():
            self._stream.flush()

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Take a reader who is gone, or standard error that can't be written, as the wish to hear nothing."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO) and not self._console.stderr:
                raise
            self._console.on_broken_pipe()


class ConsoleSink:
    """Shows records and messages; `steps` is the length of the whole run."""

    def __init__(self, console: Console, steps: int, done: int) -> None:
        self._console = console
        self._seconds_left = _Remaining(steps, done)
        self._steps = steps
        self._progress: Progress | None = None
        if console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[numbers]}"),
                TextColumn("ETA"),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
            self._task = self._progress.add_task("compiling", total=steps, completed=done, numbers="")
            self._progress.start()

    def write(self, record: Record) -> None:
        """Show one record; validations, evaluations and skipped steps stay on the screen as lines."""
        step = int(str(record["step"]))
        if record["event"] == "skipped":
            self._console.print(f"{record['phase']:<5} step {step:,}  skipped, for it is not finite: {record['rows']}")
            return
        if record["event"] != "train":
            self._console.print(
                f"{record['phase']:<5} step {step:,}  {record['event']}  {record['dataset']}  loss {record['loss']:.4f}"
                + (f"  perplexity {record['perplexity']:.3f}" if "perplexity" in record else "")
            )
            return
        numbers = (
            f"tokens {_short(float(str(record['tokens'])))}  loss {_digits(record['loss'], '.4f')}  "
            f"lr {record['learning_rate']:.3g}  grad_norm {_digits(record['grad_norm'], '.3g')}  "
            f"{_short(float(str(record['tokens_per_second'])))} tokens/s"
        )
        place = f"{record['phase']:<5} stage {record['stage']}"
        if self._progress is not None:
            self._progress.update(self._task, description=place, completed=step, numbers=numbers)
            return
        left = self._seconds_left(step, float(str(record["seconds"])))
        self._console.print(f"{place}  step {step:,}/{self._steps:,}  {numbers}  ETA {left}")

    def sync(self) -> None:
        """Do nothing: a screen keeps nothing."""

    def close(self) -> None:
        """Take the live line off the screen."""
        if self._progress is not None:
            self._progress.stop()


class _Remaining:
    """Estimates the time left from the mean time of the steps this process has run."""

    def __init__(self, steps: int, done: int) -> None:
        self.steps, self.done, self.seconds = steps, done, 0.0
        self.first = done

    def __call__(self, step: int, seconds: float) -> str:
        self.seconds += seconds
        return _clock(self.seconds / max(step - self.first, 1) * (self.steps - step))


@contextmanager
def preparation_bar(console: Console, label: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show a progress bar while a token store is made; yields a function that advances it.

    It shows tokens/s where tokens are counted. Where nobody looks at a terminal, it is a line now and then.
    """
    if not console.is_terminal:
        console.print(label)
        yield _PlainBar(console, label, total, done)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TextColumn("ETA"), TimeRemainingColumn(), console=console, transient=True) as progress:
        task, rate = progress.add_task(label, total=total, completed=done, rate=""), _Rate()
        yield lambda units, tokens=0: progress.update(task, advance=units, rate=rate(tokens))


class _Rate:
    """Tokens per second since it was made, as text; empty before there are any."""

    def __init__(self) -> None:
        self._tokens, self._began = 0, time.monotonic()

    def __call__(self, tokens: int) -> str:
        self._tokens += tokens
        seconds = max(time.monotonic() - self._began, 1e-3)
        return f"{_short(self._tokens / seconds)} tokens/s" if self._tokens else ""


class _PlainBar:
    """A progress bar as lines, one every PLAIN_SECONDS."""

    def __init__(self, console: Console, label: str, total: int, done: int) -> None:
        self._console, self._label, self._total, self._done = console, label, total, done
        self._rate, self._began, self._first = _Rate(), time.monotonic(), done
        self._next = self._began + PLAIN_SECONDS

    def __call__(self, units: int, tokens: int = 0) -> None:
        self._done += units
        rate, now = self._rate(tokens), time.monotonic()
        if now < self._next or not self._total:
            return
        self._next = now + PLAIN_SECONDS
        left = (now - self._began) / max(1, self._done - self._first) * (self._total - self._done)
        share = f"{100 * self._done // self._total} %"
        self._console.print(f"{self._label}: {', '.join(filter(None, [share, rate]))}, ETA {_clock(left)}")


class ConsolePreparation:
    """Shows the making of token stores on a console; satisfies `runner.data.stores.display.PreparationDisplay`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def bar(self, label: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """Open a progress bar."""
        return preparation_bar(self._console, label, total, done)

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(sentence)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    left = round(seconds)
    return f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"


def _digits(number: Value, form: str) -> str:
    """A number in some digits; a dash where there is none."""
    return "-" if number is None else format(number, form)


def _short(number: float) -> str:
    """A number with three digits and a unit: 1.05M."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
