"""What surrounds a process may be broken in ways that no spec names: streams that are closed, a folder that is gone,
libraries that don't load, devices that don't answer. Each is a sentence with a remedy, and never an unexpected error.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path

from runner.failure import ExitCode, Failure

FRESH = "install lorarun in a fresh environment (python3 -m venv .venv && .venv/bin/pip install .)"
STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_streams() -> None:
    """Give a process that was started without standard streams empty ones.

    A file that it opens later would otherwise have the number of one, and take what libraries write to their users.
    """
    for number, (name, mode) in enumerate(STREAMS):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))
        elif mode == "w" and isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for click, which writes help and mistakes of a command line


def forgive_warnings() -> None:
    """Show warnings as Python does by itself where PYTHONWARNINGS asks for errors: it is meant for other programs."""
    if "error" in os.environ.get("PYTHONWARNINGS", ""):
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)


def program_cache() -> Path | None:
    """Return where compiled programs are kept unless jax is told otherwise; None for a user who has no home."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  (pathlib's own raises where there is none)
    return home / ".cache" / "lorarun" / "xla" if home.is_absolute() else None


def start_jax() -> None:
    """Load jax and find its devices. Raises Failure INVALID where its settings or an installation forbid that."""
    try:
        import jax

        jax.devices()
    except ImportError as error:
        raise _of_a_library(error) from error
    except (OSError, ValueError, RuntimeError, AttributeError, AssertionError) as error:  # the last for no plugin
        settings = sorted(name for name in os.environ if name.startswith(("JAX_", "XLA_", "CUDA_VISIBLE")))
        named = [name for name in settings if name in str(error).upper()] or settings
        remedy = f"look at {', '.join(named)} in the environment" if named else FRESH
        raise Failure(f"jax does not start: {_first_line(error)}; {remedy}", ExitCode.INVALID) from error


def failure_of(error: BaseException) -> Failure | None:
    """Say what of a process's surroundings raised an error; None where nothing but a program can have."""
    if isinstance(error, ConnectionError | TimeoutError):
        return Failure(f"the network failed: {_first_line(error)}; run the same command again", ExitCode.PREEMPTED)
    if isinstance(error, OSError):
        return _of_a_file(error)
    if isinstance(error, ImportError):
        return _of_a_library(error)
    full = isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    if full or isinstance(error, MemoryError):
        what = "a device" if full else "this machine"
        return Failure(
            f"{what} has too little memory; write a smaller training/per_device_batch_size, write architecture/remat: "
            "full, or take a smaller model",
            ExitCode.INVALID,
        )
    return None


def _of_a_library(error: ImportError) -> Failure:
    remedy = "free memory, or raise its limit (ulimit -v)" if "failed to map segment" in str(error) else FRESH
    return Failure(f"a library does not load: {_first_line(error)}; {remedy}", ExitCode.INVALID)


def _of_a_file(error: OSError) -> Failure:
    try:
        Path.cwd()
    except OSError:
        return Failure("the working directory is gone; change to a folder that exists", ExitCode.STORAGE)
    names = " → ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    return Failure(f"{names or 'the system'}: {error.strerror or _first_line(error)}", ExitCode.STORAGE)


def _first_line(error: BaseException) -> str:
    """Return what an error says first, without the end of its sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
