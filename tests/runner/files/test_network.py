"""Asking a server again: what passes and what does not, how long is waited, and what is said at the end."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import urllib.error
from collections.abc import Callable
from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest

from runner.failure import ExitCode, Failure
from runner.files.network import CutShort, Patience, passing, retry_after, with_retries


def answered(status: int, headers: dict[str, str] | None = None) -> urllib.error.HTTPError:
    """What urllib raises when a server answers with an error."""
    message = Message()
    for name, value in (headers or {}).items():
        message[name] = value
    return urllib.error.HTTPError("https://host/file", status, "reason", message, None)


def named(name: str, **attributes: Any) -> Exception:
    """An error as another library raises it, of a class of this name."""
    error = type(name, (Exception,), {})()
    error.__dict__.update(attributes)
    return error


class Slept:
    """A patience that does not wait, and keeps how long it would have."""

    def __init__(self, **settings: Any) -> None:
        self.waits: list[float] = []
        self.said: list[str] = []
        self.patience = Patience(
            sleep=self.waits.append, clock=lambda: 1000.0, chance=lambda: 0.0, say=self.said.append, **settings
        )


def raising(*errors: BaseException) -> Callable[[], str]:
    """An action that raises these, one at a time, and then returns."""
    left = iter(errors)

    def action() -> str:
        for error in left:
            raise error
        return "whole"

    return action


PASSING = [
    answered(429),
    answered(500),
    answered(503),
    TimeoutError(),
    ConnectionResetError(),
    ConnectionRefusedError(),
    CutShort(),
    http.client.IncompleteRead(b""),
    http.client.RemoteDisconnected(),
    socket.gaierror(socket.EAI_AGAIN, "again"),
    urllib.error.URLError(ConnectionResetError()),
    urllib.error.URLError(ssl.SSLEOFError()),
    named("ClientPayloadError"),
    named("HTTPStatusError", response=SimpleNamespace(status_code=502, headers={})),
    named("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 503}}),
    named("HttpError", code="504"),
    named("ClientResponseError", status=500),
]
LASTING = [
    answered(401),
    answered(403),
    answered(404),
    answered(410),
    urllib.error.URLError(ssl.SSLCertVerificationError()),
    OSError(errno.ENOSPC, "full"),
    FileNotFoundError(),
    ValueError(),
    named("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 403}}),
    named("LocalEntryNotFoundError", response=None),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_a_fault_that_passes_is_asked_again(error: Exception) -> None:
    assert with_retries(raising(error), "it", patience=Slept().patience) == "whole"


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_a_fault_that_lasts_is_raised_as_it_is(error: Exception) -> None:
    slept = Slept()
    with pytest.raises(type(error)) as raised:
        with_retries(raising(error), "it", patience=slept.patience)
    assert raised.value is error
    assert slept.waits == []


def test_an_error_is_known_by_what_it_was_raised_from() -> None:
    outer = OSError("wrapped")
    outer.__cause__ = answered(429, {"Retry-After": "7"})
    assert passing(outer) == "the server answered with 429"
    assert retry_after(outer, 0.0) == 7.0
    gone = ConnectionError("the server can't be reached, says a library")
    gone.__cause__ = answered(404)
    assert passing(gone) is None


def test_waits_double_to_a_bound_and_the_last_attempt_says_what_to_do() -> None:
    slept = Slept(longest=5.0)
    with pytest.raises(Failure) as raised:
        with_retries(raising(*[answered(503)] * 9), "https://host/file", patience=slept.patience)
    assert slept.waits == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert raised.value.exit_code is ExitCode.PREEMPTED
    assert str(raised.value) == (
        "https://host/file: the server answered with 503, 6 times in a row; run the same command again when it is back"
    )
    assert slept.said[0] == "https://host/file: the server answered with 503; it is asked again in 1 s"


def test_chance_shortens_a_wait_by_up_to_a_half() -> None:
    waits: list[float] = []
    with_retries(raising(TimeoutError()), "it", patience=Patience(sleep=waits.append, chance=lambda: 1.0, first=8.0))
    assert waits == [4.0]


@pytest.mark.parametrize(
    ("value", "wait"),
    [("17", 17.0), ("0", 1.0), ("Thu, 01 Jan 1970 00:17:10 GMT", 30.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 1.0)],
)
def test_a_server_that_says_how_long_is_left_alone_for_so_long(value: str, wait: float) -> None:
    slept = Slept()
    with_retries(raising(answered(429, {"Retry-After": value})), "it", patience=slept.patience)
    assert slept.waits == [wait]


def test_a_retry_after_that_is_none_is_passed_over() -> None:
    assert retry_after(answered(429, {"Retry-After": "soon"}), 0.0) is None


def test_a_server_that_asks_for_hours_is_not_waited_for() -> None:
    slept = Slept()
    with pytest.raises(Failure, match=r"asks to be left alone for 3600 s; then run the same command again") as raised:
        with_retries(raising(answered(429, {"Retry-After": "3600"})), "it", patience=slept.patience)
    assert raised.value.exit_code is ExitCode.PREEMPTED
    assert slept.waits == []


def test_attempts_are_counted_anew_while_something_comes() -> None:
    arrived = 0

    def action() -> int:
        nonlocal arrived
        arrived += 10
        if arrived < 200:
            raise CutShort
        return arrived

    slept = Slept()
    assert with_retries(action, "it", patience=slept.patience, progress=lambda: arrived) == 200
    assert {*slept.waits} == {1.0}
