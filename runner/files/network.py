"""Asking a server that may fail for a while: bounded attempts, with waits that grow and that the server may name.

Whatever asks is an action that may be asked again: it begins where the last attempt ended, or anew. The libraries that
raise (urllib, requests, httpx, aiohttp, botocore, fsspec) are known by what their errors say, and none is loaded.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, TypeVar

from runner.failure import AGAIN, ExitCode, Failure

T = TypeVar("T")

# What a server answers when it is asked too often, or has no answer at the moment.
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529})
# Faults of a connection in libraries that don't build on Python's own errors for them, and limits that S3 names.
TRANSIENT = frozenset(
    {
        "TransportError",  # httpx: time-outs, resets, bodies that were cut
        "Timeout",  # requests
        "ChunkedEncodingError",
        "ProtocolError",  # urllib3
        "ClientConnectionError",  # aiohttp
        "ClientPayloadError",
        "ConnectTimeoutError",  # botocore
        "ReadTimeoutError",
        "EndpointConnectionError",
        "ConnectionClosedError",
        "IncompleteReadError",
        "ResponseStreamingError",
    }
)


# Faults of those that never had a connection.
UNREACHED = frozenset({"ConnectError", "NewConnectionError", "EndpointConnectionError", "ClientConnectorError"})
NOT_REACHED, NOT_FOUND = "the server can't be reached", "its server's name is not found"


class Unanswered(ConnectionError):  # noqa: N818  (it says what happened)
    """A server that nobody answers for; its sentence says where it was looked for."""


class CutShort(ConnectionError):  # noqa: N818  (it says what happened)
    """A body that ended before the length that was announced."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server that fails is asked again; times in seconds.

    Waits double from `first` to `longest`, each shortened by chance by up to a half, so that many processes don't come
    back together. A server that asks for more than `longest_asked` is left alone. `say` is told of each wait.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
    say: Callable[[str], None] = lambda sentence: None


def with_retries(
    action: Callable[[], T],
    what: str,
    *,
    patience: Patience = Patience(),
    progress: Callable[[], int] = lambda: 0,
) -> T:
    """Return what an action does, asked again while its server fails in a way that passes.

    `what` names the thing asked for in a sentence, without credentials. Attempts are counted anew whenever `progress`
    (bytes that have come, say) has grown. Raises Failure PREEMPTED after the last attempt; errors that don't pass, as
    401, 403 and 404, are raised as they come.
    """
    attempt, before = 0, progress()
    while True:
        try:
            return action()
        except Failure:  # which has been asked for often enough, or is an answer
            raise
        except Exception as error:
            reason = passing(error)
            if reason is None:
                raise
            attempt = 1 if progress() > before else attempt + 1
            before = progress()
            asked = retry_after(error, patience.clock())
            if attempt >= patience.attempts or (asked or 0.0) > patience.longest_asked:
                raise _given_up(what, reason, attempt, asked, patience) from error
            grown = min(patience.longest, patience.first * 2 ** (attempt - 1)) * (1 - patience.chance() / 2)
            wait = max(grown, asked or 0.0)
            patience.say(f"{what}: {reason}; it is asked again in {wait:.0f} s")
            patience.sleep(wait)


def passing(error: BaseException) -> str | None:
    """Say what went wrong where asking again may help; None where it does not.

    What a server answered counts before the error that a library made of it.
    """
    for each in _chain(error):
        status = status_of(each)
        if status is not None:
            return f"the server answered with {status}" if status in BUSY else None
    unreached = None
    for each in _chain(error):  # behind it may be why, such as a name that is not found
        if isinstance(each, ssl.SSLCertVerificationError):
            return None
        if isinstance(each, Unanswered):
            return str(each)
        if isinstance(each, TimeoutError):
            return "the server did not answer in time"
        if isinstance(each, socket.gaierror):
            return NOT_FOUND
        if isinstance(each, CutShort | HTTPException):
            return "the connection was cut"
        if isinstance(each, ConnectionError | ssl.SSLError):
            return NOT_REACHED if isinstance(each, ConnectionRefusedError) else "the connection broke"
        kinds = {kind.__name__ for kind in type(each).__mro__}
        unreached = unreached or (NOT_REACHED if UNREACHED & kinds else None)
        if TRANSIENT & kinds and not unreached:
            return "the connection broke"
    return unreached


def status_of(error: BaseException) -> int | None:
    """The HTTP status that a server answered with, where an error says so."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    for holder, name in ((response, "status_code"), (error, "status"), (error, "code")):
        found = getattr(holder, name, None)
        if isinstance(found, int | str) and str(found).isdigit() and 100 <= int(found) <= 599:
            return int(found)
    return None


def retry_after(error: BaseException, now: float) -> float | None:
    """Seconds that a server asks to be left alone, from `now` in seconds since 1970; None where it asks for nothing."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        for holder in (response, each):
            headers: Any = getattr(holder, "headers", None)
            if isinstance(response, dict):
                headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            value = headers.get("Retry-After") or headers.get("retry-after") if hasattr(headers, "get") else None
            if value:
                return _seconds(str(value).strip(), now)
    return None


def _seconds(value: str, now: float) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3): seconds, or a date."""
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _given_up(what: str, reason: str, attempts: int, asked: float | None, patience: Patience) -> Failure:
    """The refusal of a server that failed to the end."""
    if asked is not None and asked > patience.longest_asked:
        return Failure(
            f"{what}: {reason}, and asks to be left alone for {asked:.0f} s; then {AGAIN}", ExitCode.PREEMPTED
        )
    times = "" if attempts == 1 else f", {attempts} times in a row"
    return Failure(f"{what}: {reason}{times}; {AGAIN} when it is back", ExitCode.PREEMPTED)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised from or wraps."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is None or any(each is other for other in seen):
            continue
        seen.append(each)
        yield each
        reason = getattr(each, "reason", None)  # of urllib's URLError
        context = None if each.__suppress_context__ else each.__context__
        todo += [context, each.__cause__, reason if isinstance(reason, BaseException) else None]
