"""A second Ctrl-C ends a process whose main thread answers no signal, whatever else hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.process.impatience import STOPPED_AT_ONCE

# A process that waits in native code, for ever or for half a second, and then looks at its signals.
WAITS = """
import ctypes, hashlib, sys
from runner.commands.exits import leave_cleanly
from runner.process.impatience import ended_by_impatience
from runner.process.preemption import listen

with leave_cleanly(False), listen(until_exit=True) as preemption, ended_by_impatience(preemption):
    preemption.patient = True
    sys.stdout.write("waits")
    sys.stdout.flush()
    if sys.argv[1] == "for ever":
        library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        library.pthread_mutex_init(mutex, None)
        for _ in range(2):
            library.pthread_mutex_lock(mutex)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**6)
    preemption.check()
"""


def interrupted(wait: str, stderr: int) -> int:
    """Run that process, press Ctrl-C twice while it waits, and return its exit status."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", WAITS, wait]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"waits"
        try:
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.05)
            return process.wait(60)
        finally:
            process.kill()


@pytest.mark.parametrize("wait", ["for ever", "for half a second"])
def test_two_signals_in_one_call_of_native_code_are_two(wait: str) -> None:
    reader, writer = os.pipe()
    assert interrupted(wait, writer) == 130
    os.close(writer)
    with os.fdopen(reader) as told:
        assert told.read() == f"{STOPPED_AT_ONCE}\n"


def test_an_error_stream_that_nobody_reads_holds_nothing_up() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    assert interrupted("for ever", writer) == 130
    for end in (reader, writer):
        os.close(end)
