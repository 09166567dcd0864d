"""Disks of a chosen size, and commands that see them: tmpfs in a mount namespace of its own.

    with small_disks(folder) as disks:
        disk = disks.mount("disk")
        disk.leave(64_000)
        done = disks.lorarun("exec", "spec.yaml", "--run-dir", "disk/run")
        disk.leave(10_000_000)

Root needs no more than that; anybody else gets a user namespace in which he may mount, which Linux allows where nobody
forbade it. A process in the namespace holds the disks and forks every command, so that libraries are loaded once; the
disks are gone when it ends, however it ends.

    python -m tests.runner.files.small_disk

is that process. It reads requests from its input, one JSON list a line, and answers each with one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import Any

import pytest

from tests.runner.interrupted_run import environment

PAGE = 4096  # bytes; every file takes whole ones
WAYS = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])


@dataclass(frozen=True, slots=True)
class Done:
    """Exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Disks:
    """The process that holds the disks, and the folder that it works in."""

    holder: subprocess.Popen[str]
    folder: Path

    def mount(self, name: str) -> Disk:
        """Mount an empty disk of 10 MB at `name` in the folder."""
        place = self.folder / name
        place.mkdir()
        self.ask("mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(place))
        return Disk(self, name)

    def path(self, name: str) -> Path:
        """Where this process finds the files of a disk."""
        return Path(f"/proc/{self.holder.pid}/root{self.folder / name}")

    def lorarun(self, *arguments: str) -> Done:
        """Run `lorarun` in the folder, where it sees the disks."""
        return Done(*self.ask("lorarun", *arguments))

    def ask(self, *request: str) -> Any:
        """Have the process do something."""
        assert self.holder.stdin is not None
        assert self.holder.stdout is not None
        self.holder.stdin.write(json.dumps(request) + "\n")
        self.holder.stdin.flush()
        return json.loads(self.holder.stdout.readline())


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted disk."""

    disks: Disks
    name: str

    @property
    def path(self) -> Path:
        """Where this process finds its files."""
        return self.disks.path(self.name)

    def leave(self, room: int) -> None:
        """Make the disk so large that these bytes are free, and rounded up to whole pages."""
        # Source and target are both named, else mount repeats the owner, by a number that the namespace does not know.
        options = f"remount,size={taken(self.path) + room}"
        self.disks.ask("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.disks.folder / self.name))


def taken(folder: Path) -> int:
    """Bytes that the files of a folder take on such a disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@contextmanager
def small_disks(folder: Path) -> Iterator[Disks]:
    """Open a place for disks below `folder`; skips the test where this system lets nobody mount."""
    command = [*_way(), sys.executable, "-m", "tests.runner.files.small_disk"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        yield Disks(holder, folder)  # its input is closed on the way out, which ends it


def _way() -> list[str]:
    """How to get a namespace in which a disk can be mounted."""
    trial = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", gettempdir()]  # for that process only
    for way in WAYS if sys.platform == "linux" else ():
        if subprocess.run([*way, *trial], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return way
    pytest.skip("no disk of a chosen size can be mounted: that takes Linux, and root or user namespaces")


def main() -> None:
    import runner.train.lora_trainer  # noqa: F401  (what every command forked from here would load by itself)
    from runner.cli import main as lorarun

    for line in sys.stdin:
        program, *arguments = json.loads(line)
        if program == "mount":
            subprocess.run([program, *arguments], check=True)
            answer: Any = None
        else:
            answer = _fork(lorarun, arguments)
        print(json.dumps(answer), flush=True)


def _fork(function: Any, arguments: list[str]) -> tuple[int, str, str]:
    """Run a command in a process of its own, which has all libraries from this one."""
    with TemporaryFile() as stdout, TemporaryFile() as stderr:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # jax has no thread before its first array
            child = os.fork()
        if child == 0:
            for number, file in enumerate((stdout, stderr), start=1):
                os.dup2(file.fileno(), number)
            sys.argv = ["lorarun", *arguments]
            function()  # ends the process
        status = os.waitpid(child, 0)[1]
        for file in (stdout, stderr):
            file.seek(0)
        return os.waitstatus_to_exitcode(status), stdout.read().decode(), stderr.read().decode()


if __name__ == "__main__":
    main()
