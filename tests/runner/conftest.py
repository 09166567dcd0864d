"""Fixtures of the numerical tests."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import runner.train.fitting
from runner.mesh import enable_compilation_cache
from runner.process.preemption import SIGNALS, UNLESS_TAKEN
from tests.runner.traced_once import traced_once
from tests.runner.workplace import EVERY_STEP, finish_run

# What these tests compile runs for milliseconds, and half of the time to compile it is LLVM's: that stays undone here,
# and in the processes that tests start. What XLA does to a program (fusion, partition, layout) is what users get.
# Who sets XLA_FLAGS, if to nothing, tests optimised code: `XLA_FLAGS= python -m pytest`.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


@pytest.fixture(autouse=True)
def signals_stay() -> Iterator[None]:
    """`exec` leaves signals ignored, as its process ends; those that later tests start shall hear them."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, *UNLESS_TAKEN)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute in float64 throughout; jax's own attention takes its softmax in float32 whatever the input."""

    def attention(
        q: jax.Array,
        k: jax.Array,
        v: jax.Array,
        *,
        implementation: str,
        is_causal: bool = False,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        assert implementation == "xla"
        positions, heads, head = q.shape[1:]
        k, v = (jnp.repeat(x, heads // x.shape[2], axis=2) for x in (k, v))
        scores = jnp.einsum("bthc,bshc->bhts", q, k) / head**0.5
        causal = jnp.tril(jnp.ones((positions, k.shape[1]), bool)) if is_causal else True
        seen = causal & jnp.asarray(True if mask is None else mask)
        return jnp.einsum("bhts,bshc->bthc", jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)), v)

    monkeypatch.setattr(jax.nn, "dot_product_attention", attention)
    with jax.enable_x64(True):
        yield


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a copy of the folder `finished` of a module, which that module makes once."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def saved_each_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`: phase full ends at step 2, phase lora at 4; nobody may change it."""
    folder = tmp_path_factory.mktemp("saved_each_step")
    finish_run(folder, *EVERY_STEP)
    return folder


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile equal programs once for all processes of a session: most of these tests' time is spent compiling."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    folder = tmp_path_factory.getbasetemp()
    session = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder  # each worker has a folder in it
    enable_compilation_cache(session / "compiled")
    yield
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.fixture(scope="session", autouse=True)
def _traced_once() -> Iterator[None]:
    """Trace equal programs once for all runs of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner.train.fitting, "compile_phase", traced_once())
        yield
