"""What jax and flax compute with while a run or an answer is computed: the spec decides, whatever else is configured.

Settings come from variables such as JAX_ENABLE_X64, or from a program that imported jax before. Those that decide
numbers, or whether there are any, have one value within `computing`; where programs are compiled to, kept and logged
stays what it is. What jax does not configure is for `runner.process.variables`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import flax
import jax

from runner.failure import ExitCode, Failure
from runner.process.variables import FLAX, NUMBERS, OFF, PROGRAMS

JAX: Mapping[str, Any] = {**NUMBERS, **PROGRAMS, **OFF}


class _Shared:
    """Settings that all threads of a process share: the first block that is open has set them, the last puts them back.

    `update` sets one of them.
    """

    def __init__(self, update: Callable[[str, Any], None]) -> None:
        self._update, self._lock = update, threading.Lock()
        self._open, self._former = 0, dict[str, Any]()

    @contextmanager
    def set_to(self, values: Mapping[str, Any], former: Mapping[str, Any]) -> Iterator[None]:
        """Within this block these settings have these values; `former` has those from before."""
        with self._lock:
            self._open += 1
            for name, value in values.items():
                self._former.setdefault(name, former[name])
                self._update(name, value)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                if not self._open:
                    for name, value in self._former.items():  # in order, for some set others along with themselves
                        self._update(name, value)
                    self._former = {}


_OF_JAX, _OF_FLAX = _Shared(jax.config.update), _Shared(flax.config.update)


@contextmanager
def computing() -> Iterator[list[str]]:
    """Within this block jax and flax have the settings of a run, in every thread; afterwards those from before.

    Of several blocks at once, in threads, the last one that ends brings those back.

    Yields what there is to say: what was set otherwise, as a person would have written it. A `with` of jax's own around
    this block is overruled in this thread. Raises Failure INVALID where jax has none for that setting.
    """
    settings = {name: value for name, value in JAX.items() if name in jax.config.values}
    outside, here = _everywhere(), jax.config.values
    others = [name for name, value in settings.items() if {_plain(outside[name]), _plain(here[name])} != {value}]
    own = [name for name, value in FLAX.items() if getattr(flax.config, name, value) is not value]
    former = {name: getattr(flax.config, name) for name in own}
    with ExitStack() as contexts:
        contexts.enter_context(_OF_JAX.set_to({name: settings[name] for name in others}, outside))
        contexts.enter_context(_OF_FLAX.set_to({name: FLAX[name] for name in own}, former))
        for name in others:
            if _plain(jax.config.values[name]) != settings[name]:
                contexts.enter_context(_context(name, settings[name]))
        yield _remarks([*(_written(name, here) for name in others), *(_written(name, former) for name in own)])


def _everywhere() -> dict[str, Any]:
    """Return jax's settings without those that a `with` of the calling thread has."""
    found: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: found.update(jax.config.values))
    thread.start()
    thread.join()
    return found


def _context(name: str, value: Any) -> Any:
    """Return jax's own context manager for a setting that this thread has otherwise."""
    context = getattr(jax, name.removeprefix("jax_"), None)
    if context is None:
        raise Failure(f"{name} is set by a `with` around the run; leave that block first", ExitCode.INVALID)
    return context(value)


def _plain(value: Any) -> Any:
    """Return what a setting is in text: members of jax's enumerations are their names."""
    return str(value.name).lower() if hasattr(value, "name") else value


def _written(name: str, values: Mapping[str, Any]) -> str:
    """Return how a setting was written: a variable of the environment, or what a program gave to jax."""
    variable = name.upper()
    return f"{variable}={os.environ[variable]}" if variable in os.environ else f"{name}={_plain(values[name])}"


def _remarks(written: list[str]) -> list[str]:
    """Say what was left out; what one setting of jax's set along with itself is not said again."""
    named = [each for each in written if not (each.startswith("jax_transfer_guard_") and len(written) > 3)]
    return [f"{', '.join(named)}: left out, for the spec alone decides what a run computes"] if named else []
