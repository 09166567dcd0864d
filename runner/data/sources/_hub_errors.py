"""Why the hub gave no data: one sentence for each cause, from what `datasets` and huggingface_hub raise.

Nothing of a request is repeated: addresses of files may be signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from runner.failure import ExitCode, Failure
from runner.files.hub import endpoint, is_offline, say_warnings_once, shown_endpoint
from runner.files.network import NOT_FOUND, NOT_REACHED, Patience, Unanswered, passing, status_of, with_retries
from schema.document.hub import HubName

T = TypeVar("T")

# huggingface_hub itself asks for half a minute, and honours Retry-After; more attempts on top of it would be minutes.
PATIENCE = Patience(attempts=3, first=2.0)
CONVERTED = "refs/convert/parquet"  # a branch where the hub keeps what it has made of a set
TOKEN = "give your token by `hf auth login` or HF_TOKEN"
SCRIPT = re.compile(r"scripts? .*?found (?P<file>[\w.-]+\.py)|trust_remote_code|dataset script")


def asked(key: str, name: HubName, action: Callable[[], T]) -> T:
    """Return what an action gets from the hub, asked again while that fails in a way that passes.

    `key` is the source's, data/sources/NAME. Raises Failure: PREEMPTED where the hub fails to the end, INVALID for what
    it does not have or give, STORAGE where its cache can't be written.
    """

    def attempt() -> T:
        try:
            return action()
        except Failure:
            raise
        except Exception as error:
            cause = _cause(error)
        if passing(cause) in (NOT_REACHED, NOT_FOUND):
            cause = Unanswered(f"nothing answers at {shown_endpoint()}")
        raise cause

    say_warnings_once()
    try:
        if is_offline():
            return action()
        return with_retries(attempt, f"{key}/hub: {name.model} on the hub", patience=PATIENCE)
    except Failure:
        raise
    except Exception as error:
        raise refusal(key, name, error) from error


def _cause(error: Exception) -> Exception:
    """The fault of the hub behind an error, which `datasets` replaces by one of its own; that error without any."""
    faults = (each for each in _chain(error) if isinstance(each, Exception) and passing(each))
    return next(faults, error)


def offline_refusal(key: str, name: HubName) -> Failure:
    """Return the refusal of a dataset that is neither prepared nor in a cache, where the network is forbidden."""
    return Failure(
        f"{key}/hub: {name.model} is not prepared yet, HF_HUB_OFFLINE is set, and the cache of the hub does not have "
        "it whole; unset it, or run the same command once where there is a network",
        ExitCode.INVALID,
    )


def refusal(key: str, name: HubName, error: Exception) -> Failure:
    """Say in one sentence why a dataset can't be had."""
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
    from huggingface_hub import errors

    chain = [*_chain(error)]

    def raised(*kinds: type[BaseException]) -> bool:
        return any(isinstance(each, kinds) for each in chain)

    sentence = f"{key}/hub: {name.model}"
    if raised(errors.GatedRepoError) or (isinstance(error, DatasetNotFoundError) and "gated" in str(error)):
        address = f"{endpoint()}/datasets/{name.model}"
        return Failure(f"{sentence} is gated: accept its terms at {address}, and {TOKEN}", ExitCode.INVALID)
    if raised(errors.RevisionNotFoundError):
        return Failure(f"{sentence} has no revision {name.revision} on the hub; name another one", ExitCode.INVALID)
    if is_offline() and (raised(ConnectionError) or isinstance(error, FileNotFoundError)):
        return offline_refusal(key, name)
    if raised(errors.RepositoryNotFoundError, DatasetNotFoundError) or status_of(error) in (401, 403):
        return Failure(
            f"{sentence} is no dataset that the hub shows; write its name as it stands there, or, where it is private, "
            f"{TOKEN}",
            ExitCode.INVALID,
        )
    if found := next(filter(None, (SCRIPT.search(str(each)) for each in chain)), None):
        script = f" ({found['file']})" if found["file"] else ""
        return Failure(
            f"{sentence} is made by a script{script}, and lorarun runs no code of others; write "
            f"{name.model}@{CONVERTED}, where the hub keeps its rows",
            ExitCode.INVALID,
        )
    if raised(DataFilesNotFoundError):
        return Failure(f"{sentence} has no files of rows; name another dataset, or revision", ExitCode.INVALID)
    disk = next((each for each in chain if isinstance(each, OSError) and each.errno is not None), None)
    if disk is not None:
        return Failure(f"the cache of the hub can't be written: {disk.strerror or disk}", ExitCode.STORAGE)
    last = chain[-1]
    why = next(iter(str(last).splitlines()), "") if status_of(last) is None else f"the hub answered {status_of(last)}"
    return Failure(f"{sentence} can't be read: {why or type(last).__name__}", ExitCode.INVALID)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised from or while they were handled, even where that is hidden."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and not any(each is other for other in seen):
            seen.append(each)
            yield each
            todo += [each.__context__, each.__cause__]
