"""Batches, encoded by several processes: the results come back in the order of the batches, whoever made them.

Processes are started, never forked, for jax may run threads here; and only where there is more to do than their start
takes. They have one thread each, and they end with this process, however it ends: their socket closes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from queue import SimpleQueue
from types import TracebackType

from runner.data.stores.batches import Batch
from runner.data.stores.encode import Content, Encoded, Encoder
from runner.data.stores.worker import Recipe, Refused
from runner.failure import AGAIN, ExitCode, Failure

ALONE_SECONDS = 1.5  # of encoding in this process before others are started, which takes about as long
ONE_THREAD = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from runner.data.stores.worker import serve; serve(int(sys.argv[2]))"
)


def encode_batches(
    batches: Iterator[Batch], encoder: Encoder, workers: int, recipe: Recipe | None
) -> Generator[tuple[Batch, Encoded]]:
    """Yield each batch with its tokens, in order; by one worker, or without a recipe, all of it is done here.

    Raises Failure as encoding does, and STORAGE where a worker is killed.
    """
    many, seconds = recipe is not None and workers > 1, 0.0
    for batch in batches:
        began = time.monotonic()
        encoded = encoder.encode(batch.content)
        seconds += time.monotonic() - began
        yield batch, encoded
        if many and seconds >= ALONE_SECONDS:
            break
    following = next(batches, None) if many else None
    if following is None or recipe is None:
        return
    waiting: deque[tuple[Batch, Future[Encoded]]] = deque()
    with Workers(workers, recipe, encoder.fingerprint) as pool:
        while following is not None:
            waiting.append((following, pool.submit(following.content)))
            if len(waiting) > 2 * workers:  # each has one in hand and one ahead
                batch, result = waiting.popleft()
                yield batch, result.result()
            following = next(batches, None)
        for batch, result in waiting:
            yield batch, result.result()


class Workers:
    """Processes that encode batches; a context that ends them."""

    def __init__(self, number: int, recipe: Recipe, fingerprint: str) -> None:
        self._all = list[_Worker]()
        self._threads = ThreadPoolExecutor(number, "worker")  # one for each, which waits for it
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        try:
            for _ in range(number):
                worker = _Worker(recipe, fingerprint)
                self._all.append(worker)
                self._idle.put(worker)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def submit(self, content: Content) -> Future[Encoded]:
        """Have a batch encoded, by whoever is free first."""
        return self._threads.submit(self._encode, content)

    def _encode(self, content: Content) -> Encoded:
        worker = self._idle.get()
        try:
            return worker.encode(content)
        finally:
            self._idle.put(worker)

    def _end(self) -> None:
        """End all processes at once: they have nothing to lose."""
        for worker in self._all:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._all:
            worker.close()


class _Worker:
    """One process, and the socket that it answers through."""

    def __init__(self, recipe: Recipe, fingerprint: str) -> None:
        self._connection, other = Pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(sys.path), str(other.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **ONE_THREAD},
                pass_fds=[other.fileno()],
                process_group=0,  # Ctrl-C is for the process that has the terminal
            )
        except OSError as error:
            raise Failure(
                f"a process that prepares data cannot be started: {error.strerror or error}; write data/workers: 1",
                ExitCode.STORAGE,
            ) from error
        finally:
            other.close()
        self._greeting: tuple[Recipe, str] | None = (recipe, fingerprint)

    def encode(self, content: Content) -> Encoded:
        """Have a batch encoded. Raises Failure, also where the process ends."""
        try:
            if self._greeting is not None:
                self._connection.send(self._greeting)
                self._greeting = None
            self._connection.send(content)
            answer: Encoded | Refused = self._connection.recv()
        except (EOFError, OSError) as error:
            raise _ended(self._process.wait()) from error
        if isinstance(answer, Refused):
            raise answer.error()
        return answer

    def kill(self) -> None:
        """End the process."""
        self._process.kill()

    def close(self) -> None:
        """Take leave of a process that was ended."""
        self._process.wait()
        self._connection.close()


def _ended(status: int) -> Failure:
    """Return the sentence about a worker that ended by itself, or was killed."""
    how = f"was killed (signal {-status})" if status < 0 else f"ended (exit code {status})"
    return Failure(
        f"a process that prepares data {how}, as when memory runs out; write a smaller data/workers, and {AGAIN}: what "
        "is prepared is kept",
        ExitCode.STORAGE,
    )
