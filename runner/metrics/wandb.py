"""Weights & Biases, when logging/wandb is on. The run there is the run here: a resume continues it, a new run is new.

It never stops a training, nor holds it up for long: what can't be uploaded is recorded in the run directory, where
`wandb sync` finds it, and metrics.jsonl has every record anyway.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from runner.failure import ExitCode, Failure
from runner.metrics._sink import Record
from runner.metrics._wandb_key import asks_for_key, base_url, has_key
from schema.document import Document
from schema.environment import Obstacle

INIT_SECONDS = 10  # wandb's own limit is 90, and some more
CONNECT_SECONDS = 5
FINISH_SECONDS = 60
# What `wandb.init` is given where the user's variable does not say it.
VARIABLES = {"project": "WANDB_PROJECT", "name": "WANDB_NAME", "id": "WANDB_RUN_ID", "dir": "WANDB_DIR"}
VARIABLES |= {"resume": "WANDB_RESUME"}
NO_KEY = "logging/wandb is true, and there is no API key for Weights & Biases here"


def require_wandb() -> None:
    """Raise Failure INVALID when the library is not installed."""
    if find_spec("wandb") is None:
        raise Failure(
            "logging/wandb is true, and wandb is not installed; pip install 'lorarun[wandb]', or set it to false",
            ExitCode.INVALID,
        )


def survey_wandb(document: Document) -> Obstacle | None:
    """Return what keeps the run of a spec from being uploaded, as this machine shows it; None where nothing does."""
    if not document.available("logging/wandb") or not document.value("logging/wandb"):
        return None
    if find_spec("wandb") is None or not asks_for_key() or has_key():
        return None
    return Obstacle(NO_KEY, "run `wandb login` or set WANDB_API_KEY, else `wandb sync` can upload the run later")


@dataclass(frozen=True, slots=True)
class WandbRun:
    """The run that is logged: its identity, what its config is to hold, and how a sentence is said."""

    run_id: str
    config: Mapping[str, Any] = field(default_factory=dict)
    say: Callable[[str], None] = print


class WandbSink:
    """Logs each number as `event/name`. Credentials come from wandb's own login, never from the spec.

    The variables WANDB_PROJECT, WANDB_NAME, WANDB_RUN_ID, WANDB_ENTITY, WANDB_DIR, WANDB_RESUME and WANDB_MODE win.
    """

    def __init__(self, run_dir: Path, about: WandbRun) -> None:
        self._say, self._folder = about.say, Path(os.environ.get("WANDB_DIR") or run_dir) / "wandb"
        options = {"project": "lorarun", "name": run_dir.name, "id": about.run_id, "dir": str(run_dir)}
        options |= {"resume": "allow"}  # a run that was killed before its first checkpoint has begun there already
        given = {name: value for name, value in options.items() if value and not os.environ.get(VARIABLES[name])}
        self._run = self._begin({**given, "config": dict(about.config), "allow_val_change": True})

    def write(self, record: Record) -> None:
        """Log the numbers of one record at its step."""
        topic = "/".join(str(record[name]) for name in ("event", "dataset") if name in record)
        numbers = {
            f"{topic}/{name}": value
            for name, value in record.items()
            if name != "step" and isinstance(value, int | float)
        }
        if self._run is None:
            return
        try:
            self._run.log(numbers, step=int(str(record["step"])))
        except Exception as error:
            self._run = None
            self._say(
                f"logging/wandb: no more records are taken from step {record['step']} on ({_reason(error)}); training "
                "goes on, and metrics.jsonl has all"
            )

    def sync(self) -> None:
        """Do nothing: wandb keeps its own record of what it has still to upload."""

    def close(self) -> None:
        """Finish the upload, or leave it after a minute to `wandb sync`."""
        if self._run is None:
            return
        trouble: list[str] = ["it takes too long"]
        finishing = threading.Thread(target=self._finish, args=(trouble,), daemon=True)
        finishing.start()
        finishing.join(FINISH_SECONDS)
        if trouble:
            self._say(f"logging/wandb: the upload is not finished ({trouble[-1]}); {self._later()}")

    def _finish(self, trouble: list[str]) -> None:
        """Finish, and take the words out of `trouble` when that is done, or put others there."""
        try:
            self._run.finish()
        except Exception as error:
            trouble.append(_reason(error))
        else:
            trouble.clear()

    def _begin(self, options: dict[str, Any]) -> Any:
        """Start the run: where it should be online and can't be, offline; None where even that is not possible."""
        if not asks_for_key():
            return self._start(options)
        obstacle = _obstacle()
        if obstacle is None:
            try:
                return _start(options, {"init_timeout": INIT_SECONDS, "finish_timeout": FINISH_SECONDS})
            except Exception as error:
                obstacle = _reason(error)
                _let_go()
        run = self._start({**options, "mode": "offline", "resume": None}, {"silent": True})
        if run is not None:
            self._say(f"logging/wandb: nothing is uploaded now ({obstacle}); {self._later()}")
        return run

    def _start(self, options: dict[str, Any], settings: Mapping[str, Any] | None = None) -> Any:
        """Start the run as it is asked for, or say why there is none."""
        try:
            return _start(options, settings or {})
        except Exception as error:
            self._say(f"logging/wandb: it can't start ({_reason(error)}); training goes on, and metrics.jsonl has all")
            return None

    def _later(self) -> str:
        return f"`wandb sync` uploads it from {self._folder}"


def _start(options: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    """Call `wandb.init`, with those settings that this version of wandb has."""
    with _stdout_kept():
        import wandb

        known = getattr(getattr(wandb, "Settings", None), "model_fields", {})
        some = {name: value for name, value in settings.items() if name in known}
        return wandb.init(**options, **({"settings": wandb.Settings(**some)} if some else {}))


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Let processes that start within this block write to standard error in place of standard output.

    The service of wandb is one, and has words of its own at its end, in the midst of what may be JSON.
    """
    own = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(own, 1)
        os.close(own)


def _let_go() -> None:
    """End what a failed start has left: within one process of wandb an id is in use from then on."""
    with suppress(Exception):
        import wandb

        wandb.teardown()


def _obstacle() -> str | None:
    """Why nothing can be uploaded, found without waiting for wandb, which asks people on a terminal for a key."""
    if not has_key():
        return "there is no API key here"
    try:
        import wandb

        # Where nobody names a server it is that of this version of wandb.
        url = urlsplit(base_url() or str(wandb.Settings().base_url))
        host, port = url.hostname, url.port or (80 if url.scheme == "http" else 443)
    except Exception:  # an older version, whose own limit holds, or no address at all, of which wandb says what it is
        return None
    if not host or _has_proxy():
        return None
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
        return f"{host} can't be reached: {getattr(error, 'strerror', None) or error}"
    return None


def _has_proxy() -> bool:
    """Whether wandb reaches its server through another one, which is asked in its place."""
    own = any(os.environ.get(name) for name in ("WANDB_HTTP_PROXY", "WANDB_HTTPS_PROXY"))
    return own or bool(getproxies().keys() - {"no"})


def _reason(error: Exception) -> str:
    """The first line of what an error says, or its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
