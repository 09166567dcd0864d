"""What a path names, on a server or here; a server is asked again while it fails, and what it refuses is a sentence."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from runner.data.sources._listing import CARD, CARD_NAME, OTHER_FORMAT
from runner.data.sources._listing import Found as File
from runner.data.sources._paths import list_paths
from runner.failure import ExitCode, Failure
from runner.files.remote.file import ChangedError, MissingPackageError, RemoteFile
from schema.document.file_kinds import ANY_KIND, kind_of
from schema.document.remote import PROTOCOLS, file_name, is_pattern, protocol_of, shown

if TYPE_CHECKING:  # whoever asks no server loads nothing that could
    from runner.files.network import Patience

T = TypeVar("T")
OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
LOGINS = {
    "s3": "give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or FSSPEC_S3_ANON=true for public files",
    "gs": "log in with `gcloud auth application-default login`, or give FSSPEC_GS_TOKEN=anon for public files",
    "hf": "give your token by `hf auth login` or HF_TOKEN",
}


class Listed(NamedTuple):
    """Files that a path names, in order, and (reason, name) of what is left out."""

    files: tuple[File | RemoteFile, ...]
    left_out: tuple[tuple[str, str], ...]


def list_servers(key: str, path: str, patience: Patience | None) -> Listed:
    """List what a path names, an address or one of this machine. Raises Failure: INVALID, or PREEMPTED."""
    from runner.files.network import Patience, with_retries

    protocol = protocol_of(path)
    if protocol is None:
        local = list_paths(key, [path])
        return Listed(local.files, local.left_out)
    if "@" in urlsplit(path).netloc:
        raise Failure(
            f"{key}: the address {shown(path)} holds a login; write that into ~/.netrc, or the environment of its "
            "store's program, and the address without it",
            ExitCode.INVALID,
        )
    look = _look_at_web if protocol in ("https", "http") else _look_at_store

    def listed() -> Sequence[RemoteFile]:
        return with_retries(lambda: look(path), shown(path), patience=patience or Patience())

    return _sorted_out(key, path, asked(key, path, listed))


def asked(key: str, path: str, action: Callable[[], T]) -> T:
    """Return what a server gives, and say in one sentence what it refuses.

    Raises Failure: INVALID, or PREEMPTED as the action does; OSError of this machine's disk.
    """
    from runner.files.network import status_of

    try:
        return action()
    except Failure as failure:
        raise Failure(f"{key}: {failure}", failure.exit_code) from failure
    except MissingPackageError as error:
        package = PROTOCOLS[protocol_of(path) or ""]
        raise Failure(f"{key}: {error}; run `pip install {package}`", ExitCode.INVALID) from error
    except ChangedError as error:
        raise Failure(
            f"{key}: '{shown(path)}' changed while it was fetched; run the same command again when nothing writes to "
            "it",
            ExitCode.INVALID,
        ) from error
    except Exception as error:  # each store's program has errors of its own
        if isinstance(error, OSError) and error.errno in OF_A_DISK and status_of(error) is None:
            raise
        raise _refused(key, path, error) from error


def _look_at_web(path: str) -> Sequence[RemoteFile]:
    from runner.files.remote import web

    if is_pattern(path):
        raise Failure(
            f"'{shown(path)}' is a pattern, and a web server lists no files; name each file in a list, "
            "path: [URL, URL]",
            ExitCode.INVALID,
        )
    return [web.look(path)]


def _look_at_store(path: str) -> Sequence[RemoteFile]:
    from runner.files.remote import stores

    return stores.look(path)


def _sorted_out(key: str, path: str, files: Sequence[RemoteFile]) -> Listed:
    """Part the files that are read from the others. Raises Failure INVALID where there are none."""
    names = {file: file_name(file.address) for file in files}
    kinds = {kind.kind for name in names.values() if name.casefold() != CARD_NAME and (kind := kind_of(name))}
    has_card = bool(kinds) and ".md" not in kinds
    read, left_out = list[RemoteFile](), list[tuple[str, str]]()
    for file, name in names.items():
        if has_card and name.casefold() == CARD_NAME:
            left_out.append((CARD, name))
        elif kind_of(name):
            read.append(file)
        else:
            left_out.append((OTHER_FORMAT, name))
    if not read:
        raise Failure(f"{key}: '{shown(path)}' names no {ANY_KIND}", ExitCode.INVALID)
    return Listed(tuple(read), tuple(left_out))


def _refused(key: str, path: str, error: Exception) -> Failure:
    """The refusal of a server, and what to do."""
    from runner.files.network import status_of

    status = status_of(error)
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return Failure(f"{key}: '{shown(path)}' does not exist", ExitCode.INVALID)
    if isinstance(error, PermissionError) or status in (401, 403) or "credential" in type(error).__name__.casefold():
        where = LOGINS.get(protocol_of(path) or "", "write the host's login and password into ~/.netrc")
        return Failure(f"{key}: '{shown(path)}' is not given to you; {where}", ExitCode.INVALID)
    said = f"the server answered with {status}" if status else f"{type(error).__name__}"
    return Failure(
        f"{key}: '{shown(path)}' can't be fetched: {said}; look whether the address is right", ExitCode.INVALID
    )
