"""Whatever the environment, or a program that imported jax before, has set: a run computes as its spec says."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flax
import jax
import jax.numpy as jnp
import pytest

from runner.process.computing import JAX, computing
from runner.process.variables import ELSEWHERE, FLAX
from tests.runner.process.other_settings import OTHERS


@contextmanager
def set_to(settings: dict[str, Any]) -> Iterator[None]:
    """Set what a program could set; put jax's own values back."""
    before = jax.config.values
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        yield
    finally:
        for name in JAX.keys() & before.keys():
            jax.config.update(name, before[name])


def draw() -> tuple[bytes, str]:
    """Draw, multiply and add as a model does: bits that depend on nearly every setting that decides numbers."""
    x = jax.random.normal(jax.random.key(0), (5, 8))
    y = x @ x.T + jnp.arange(5)
    return jax.device_get(y).tobytes(), str(y.dtype)


@pytest.mark.parametrize("name", OTHERS)
def test_no_setting_of_jax_changes_what_is_computed(name: str) -> None:
    plain = draw()
    with set_to({name: OTHERS[name]}):
        with computing() as remarks:
            assert draw() == plain
        assert remarks == [f"{name}={OTHERS[name]}: left out, for the spec alone decides what a run computes"]
        assert str(jax.config.values[name]).lower() == str(OTHERS[name]).lower()
    assert draw() == plain


def test_a_plain_process_is_left_as_it_is() -> None:
    with computing() as remarks:
        assert remarks == []


def test_all_settings_at_once_are_put_aside_in_every_thread_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    plain, drawn = draw(), []
    with set_to(OTHERS), jax.enable_x64(True), jax.default_matmul_precision("float32"):
        before = jax.config.values
        with computing() as (remark,):
            drawn.append(draw())
            thread = threading.Thread(target=lambda: drawn.append(draw()))
            thread.start()
            thread.join()
        assert jax.config.values == before
        with computing():  # also where the program of a user's own thread has set nothing
            pass
    assert drawn == [plain, plain]
    assert remark.startswith("JAX_ENABLE_X64=1, jax_default_prng_impl=rbg, ")


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("name", ["jax_enable_x64", "jax_default_prng_impl"])
def test_a_run_that_ends_beside_another_leaves_it_its_settings(name: str, first: int) -> None:
    plain = draw()
    with set_to({name: OTHERS[name]}):
        runs = [computing(), computing()]
        said = [run.__enter__() for run in runs]
        runs[first].__exit__(None, None, None)
        assert draw() == plain
        assert [len(remarks) for remarks in said] == [1, 0]
        runs[not first].__exit__(None, None, None)
        assert str(jax.config.values[name]) == str(OTHERS[name])


def test_settings_of_flax_are_put_aside_too() -> None:
    flax.config.update("flax_fix_rng_separator", True)
    try:
        with computing() as remarks:
            assert {name: getattr(flax.config, name) for name in FLAX} == FLAX
        assert flax.config.flax_fix_rng_separator
    finally:
        flax.config.update("flax_fix_rng_separator", False)
    assert remarks == ["flax_fix_rng_separator=True: left out, for the spec alone decides what a run computes"]


def test_every_setting_of_jax_and_flax_is_known_by_its_kind() -> None:
    names = [name for name in jax.config.values if name.startswith("jax_") or name in JAX]
    names += [name for name in vars(flax.config)["_values"] if not name.startswith("nnx_")]
    own = JAX.keys() | FLAX.keys()
    kinds = {name: (name in own) + bool(re.fullmatch("|".join(ELSEWHERE), name.upper())) for name in names}
    assert {name for name, kind in kinds.items() if kind != 1} == set()
