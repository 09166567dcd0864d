"""One process at a time holds a run directory, and nothing of the lock outlives the process that held it."""

from __future__ import annotations

import errno
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.failure import ExitCode, Failure
from runner.run.lock import is_locked, locked

HOLD = """
import sys, time
from pathlib import Path
from runner.run.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that wants the lock and keeps it for so long."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_second_process_is_refused_and_the_holder_is_named(tmp_path: Path) -> None:
    with hold(tmp_path, 60) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert is_locked(tmp_path)
        with pytest.raises(Failure, match=f"is being run by another process \\(pid {other.pid} on ") as refused:
            locked(tmp_path).__enter__()
        assert refused.value.exit_code is ExitCode.RESUME
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert (tmp_path / ".lock").exists()
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)
    assert not (tmp_path / ".lock").exists()


def test_of_many_that_want_it_at_once_one_gets_it(tmp_path: Path) -> None:
    others = [hold(tmp_path, 3) for _ in range(4)]
    ends = [(*process.communicate(), process.returncode) for process in others]
    assert sorted(status for *_, status in ends) == [0, 1, 1, 1]
    assert sum("is being run by another process" in stderr for _, stderr, _ in ends) == 3
    assert not (tmp_path / ".lock").exists()


def test_a_filesystem_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(Failure, match="has no locks, so that two runs could write there at once") as refused:
        locked(tmp_path).__enter__()
    assert refused.value.exit_code is ExitCode.STORAGE
