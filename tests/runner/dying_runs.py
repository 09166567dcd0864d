"""Runs of a spec, one after the other, each of which kills itself at a chosen event or moment.

    python -m tests.runner.dying_runs LOG < CYCLES.json

in the folder of the spec. CYCLES is a list of {"run_dir": …, "event": regular expression or null, "seconds": number
or null, "signals": ["SIGTERM", …], "hangs": bool, "bytes": number or null}. Every run is forked from one process that
has loaded the libraries, and sends itself these signals, SIGKILL if there are none, at the first event that the
expression matches, or SIGKILL after these seconds; else it ends by itself. With "hangs": true the thread of the event
hears nothing any more, as if a disk or a device did not answer, and the signals come then. With "bytes" it gets no
signal at that event, but from then on the kernel kills it with SIGXFSZ in the middle of the write, by whichever
library, that makes a file longer than these. With "anew": true it is the run RUN_DIR-0, after the end of that one
RUN_DIR-1, and so on, until the seconds have killed one.
Prints the list of run directories, wait statuses and seconds; what the runs print goes to the file LOG, with every
event when the environment asks for EVENTS.

Events are `before KIND PATH` and `after KIND PATH`: files that are opened to be written, folders made, names changed
or removed, each as Python is about to do it and, for renames, as it has; records written; phases compiled; weights of a
model's folder read.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import runner.cli
import runner.train.evaluate
import runner.train.loop
import runner.train.lora_trainer  # so that what runs need is loaded before the first of them is forked
import runner.weights._layers
from runner.metrics.jsonl import JsonlSink

KINDS = {"open": "open", "os.mkdir": "mkdir", "os.rmdir": "rmdir", "os.remove": "remove", "os.truncate": "truncate"}


def main() -> None:
    log = Path(sys.argv[1]).absolute()
    gc.collect()
    gc.freeze()  # no run looks through the libraries for garbage
    ends: list[dict[str, Any]] = []
    for cycle in json.load(sys.stdin):
        ends.append(_end_of(log, _placed(cycle, ends)))
        while cycle.get("anew") and cycle.get("seconds") and ends[-1]["status"] == 0:
            ends.append(_end_of(log, _placed(cycle, ends)))
    print(json.dumps(ends))


def _placed(cycle: dict[str, Any], ends: list[dict[str, Any]]) -> dict[str, Any]:
    """Number the run directory of a cycle that begins anew by the runs that have come to their end."""
    if not cycle.get("anew"):
        return cycle
    ended = sum(end["status"] == 0 for end in ends if end["run_dir"].startswith(f"{cycle['run_dir']}-"))
    return {**cycle, "run_dir": f"{cycle['run_dir']}-{ended}"}


def _end_of(log: Path, cycle: dict[str, Any]) -> dict[str, Any]:
    """Fork one run; return how it ended, and after how many seconds."""
    begun = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no thread of jax runs yet, nothing can be lost by a fork
        child = os.fork()
    if child == 0:
        _run(log, cycle)
    return {"run_dir": cycle["run_dir"], "status": os.waitpid(child, 0)[1], "seconds": time.monotonic() - begun}


def _run(log: Path, cycle: dict[str, Any]) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if cycle.get("event") or "EVENTS" in os.environ:
        _listen(re.compile(cycle["event"]) if cycle.get("event") else None, partial(_strike, cycle))
    if cycle.get("seconds") is not None:
        threading.Thread(target=_die_after, args=(cycle["seconds"],), daemon=True).start()
    sys.argv = ["lorarun", "exec", "spec.yaml", "--run-dir", cycle["run_dir"]]
    runner.cli.main()  # ends the process


def _die_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _strike(cycle: dict[str, Any]) -> None:
    """Send the signals of a cycle, or let no file grow beyond its bytes."""
    if cycle.get("bytes"):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and writes are refused
        resource.setrlimit(resource.RLIMIT_FSIZE, (cycle["bytes"], cycle["bytes"]))
        return
    if cycle.get("hangs"):
        threading.Timer(0.2, _send, args=(cycle,)).start()
        hang()
    else:
        _send(cycle)


def hang() -> None:
    """Wait in native code for what never comes; no handler of a signal runs meanwhile."""
    library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    library.pthread_mutex_init(mutex, None)
    for _ in range(2):
        library.pthread_mutex_lock(mutex)


def _send(cycle: dict[str, Any]) -> None:
    for name in cycle.get("signals", ["SIGKILL"]):
        os.kill(os.getpid(), signal.Signals[name])
        time.sleep(0.05)  # of two at once that are the same, the system delivers one


def _listen(deadly: re.Pattern[str] | None, strike: Callable[[], None]) -> None:
    """Tell every event, and strike at the first that matches."""
    here, shown, struck = str(Path.cwd()) + "/", "EVENTS" in os.environ, False

    def happen(event: str) -> None:
        nonlocal struck
        event = event.replace(here, "")
        if shown:
            os.write(2, f"event: {event}\n".encode())
        if deadly is not None and not struck and deadly.search(event):
            struck = True
            strike()

    def heard(kind: str, arguments: tuple[Any, ...]) -> None:
        if kind not in KINDS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.path.join(here, arguments[0])  # noqa: PTH118  (pathlib itself raises events)
        reads = kind == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if path.startswith(here) and not reads:
            happen(f"before {KINDS[kind]} {path}")

    def around(name: str) -> None:
        rename = getattr(os, name)

        @wraps(rename)
        def told(source: Any, target: Any, **options: Any) -> None:
            inside = os.fspath(target) if str(target).startswith("/") else here + os.fspath(target)
            happen(f"before rename {inside}")
            rename(source, target, **options)
            happen(f"after rename {inside}")

        setattr(os, name, told)

    around("rename")
    around("replace")
    sys.addaudithook(heard)
    JsonlSink.write = _after(JsonlSink.write, lambda _, record: happen(f"after record {_named(record)}"))  # type: ignore[method-assign]
    compile_largest = runner.train.loop.compile_largest

    def told(*arguments: Any) -> Any:
        happen("before compile")
        compiled = compile_largest(*arguments)
        happen("after compile")
        return compiled

    runner.train.loop.compile_largest = told
    place = runner.weights._layers.place

    def placed(tensor: Any, like: Any) -> Any:
        happen(f"before weights {tensor.name}")
        return place(tensor, like)

    runner.weights._layers.place = placed
    put_batch = runner.train.evaluate.put_batch

    def put(*arguments: Any) -> Any:
        happen("before validation batch")
        return put_batch(*arguments)

    runner.train.evaluate.put_batch = put  # type: ignore[assignment]


def _after(function: Callable[..., None], tell: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def told(*arguments: Any) -> None:
        function(*arguments)
        tell(*arguments)

    return told


def _named(record: dict[str, Any]) -> str:
    return " ".join(str(record[name]) for name in ("event", "step", "dataset") if name in record)


if __name__ == "__main__":
    main()
