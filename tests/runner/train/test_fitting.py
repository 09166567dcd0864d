"""The search for the largest micro-batch that fits, and what of it a run remembers; no program is compiled here."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runner.train.fitting
from runner.failure import ExitCode, Failure
from runner.run.execution import ExecutionSpec
from runner.run.record import create_run_dir, note_micro_batch, noted_micro_batch
from runner.train.compiled import ProgramMemory
from runner.train.fitting import MOST_COMPILED, Search, compile_largest, fits, largest_fitting, memory_remark
from runner.train.micro_batch_checks import pinned_rows
from schema.budget.micro_batch import MEMORY_SHARE, divisors
from tests.runner.three_arrays import manifest_at
from tests.runner.tiny_run import make_spec, one_device

STATE = 1000
ROOM = 4 * 10**6


def compiler(per_row: float, constant: int = 0) -> Any:
    """Compiles nothing: a phase of so many rows takes what is told."""

    def compile_rows(rows: int) -> Any:
        temporary = int(per_row * rows) + constant
        return SimpleNamespace(micro_rows=rows, memory=ProgramMemory(STATE + temporary, temporary))

    return compile_rows


@given(
    share=st.sampled_from([1, 2, 12, 64, 96, 97, 360]),
    per_row=st.integers(10, 1000),
    off=st.floats(0.8, 1.25),
    room=st.integers(1, 400),
    first=st.integers(0, 5),
)
def test_the_most_rows_are_found_with_few_compilations(
    share: int, per_row: int, off: float, room: int, first: int
) -> None:
    memory = int((STATE + per_row * room) / MEMORY_SHARE) + 1
    search = Search(share, memory, lambda rows: int(off * per_row * rows))
    start = divisors(share)[min(first, len(divisors(share)) - 1)]
    found: Any = largest_fitting(start, search, compiler(per_row))
    assert len(search.compiled) <= MOST_COMPILED
    best = max((rows for rows in divisors(share) if rows <= room), default=1)
    if start in (best, *(rows for rows in divisors(share) if rows in (2 * best, best // 2))):
        assert found.micro_rows == best
    if found.micro_rows > 1:
        assert fits(found.memory, memory)


def test_an_estimate_that_is_far_off_is_halved_until_it_fits() -> None:
    for wrong, rows in [(2.5, 16), (5.0, 8), (30.0, 2)]:
        search = Search(64, int(64 * 100 / MEMORY_SHARE) + 10_000, lambda rows: 100 * rows)
        found: Any = largest_fitting(64, search, compiler(100 * wrong + 10_000 / 64))
        assert fits(found.memory, search.device_bytes)
        assert found.micro_rows >= rows


def test_where_nothing_fits_the_smallest_that_was_compiled_is_taken() -> None:
    search = Search(64, 10, lambda rows: rows)
    found: Any = largest_fitting(64, search, compiler(100))
    assert [*search.compiled] == [64, 1]
    assert found.micro_rows == 1


def test_a_compiler_that_does_not_say_what_a_program_needs_is_asked_once() -> None:
    asked = []

    def silent(rows: int) -> Any:
        asked.append(rows)
        return SimpleNamespace(micro_rows=rows, memory=None)

    found: Any = largest_fitting(8, Search(64, 10**6, lambda rows: rows), silent)
    assert (found.micro_rows, asked) == (8, [8])


@pytest.fixture
def compiled_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that are compiled, on a device whose memory a micro-batch of 3 of 12 rows fills."""
    asked: list[int] = []

    def compile_phase(spec: Any, mesh: Any, state: Any, rows: int) -> Any:
        asked.append(rows)
        return compiler(10**6)(rows)

    monkeypatch.setattr(runner.train.fitting, "compile_phase", compile_phase)
    monkeypatch.setattr(runner.train.fitting, "device_memory", lambda: ROOM)
    return asked


def compiled_in(folder: Path, spec: Any, pinned: int | None = None) -> tuple[int, int]:
    """The rows that phase full is compiled for, and how many were tried."""
    compiled, tried = compile_largest(spec, folder, one_device(), None, "full", pinned)  # type: ignore[arg-type]
    return compiled.micro_rows, tried


def run_in(folder: Path, **training: Any) -> Any:
    spec = make_spec(training={"batch_size": 12, **training})
    create_run_dir(ExecutionSpec(spec, folder))
    return spec


def test_a_run_that_resumes_compiles_once_what_was_found_to_fit(tmp_path: Path, compiled_rows: list[int]) -> None:
    spec = run_in(tmp_path)
    assert compiled_in(tmp_path, spec) == (3, len(compiled_rows))
    assert len(compiled_rows) > 1
    mesh = {"data": 1, "fsdp": 1, "tensor": 1}
    noted = {"mesh": mesh, "remat": "names", "device_bytes": ROOM, "rows": 3}
    assert noted_micro_batch(tmp_path, "full") == noted
    assert noted_micro_batch(tmp_path, "lora") is None
    compiled_rows.clear()
    assert compiled_in(tmp_path, spec) == (3, 1)
    assert compiled_rows == [3]


@pytest.mark.parametrize(
    "other",
    [
        {"mesh": {"data": 1, "fsdp": 2, "tensor": 1}},
        {"remat": "full"},
        {"device_bytes": 2 * ROOM},
        {"rows": 12},  # which does not fit
    ],
    ids=str,
)
def test_what_was_noted_elsewhere_or_does_not_fit_is_searched_again(
    other: dict[str, Any], tmp_path: Path, compiled_rows: list[int]
) -> None:
    spec = run_in(tmp_path)
    compiled_in(tmp_path, spec)
    noted = noted_micro_batch(tmp_path, "full")
    assert noted is not None
    note_micro_batch(tmp_path, "full", {**noted, **other})
    assert compiled_in(tmp_path, spec)[0] == 3
    assert noted_micro_batch(tmp_path, "full") == noted


def test_nothing_is_noted_where_nothing_fits(
    tmp_path: Path, compiled_rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.train.fitting, "device_memory", lambda: 10)
    assert compiled_in(tmp_path, run_in(tmp_path))[0] == 1
    assert noted_micro_batch(tmp_path, "full") is None


def test_rows_that_are_written_or_pinned_are_compiled_as_they_are(tmp_path: Path, compiled_rows: list[int]) -> None:
    spec = run_in(tmp_path, per_device_batch_size=6)
    assert compiled_in(tmp_path, spec) == (6, 1)
    assert compiled_in(tmp_path, make_spec(training={"batch_size": 12}), pinned=4) == (4, 1)
    assert compiled_rows == [6, 4]
    assert noted_micro_batch(tmp_path, "full") is None
    assert memory_remark(compiler(10**6)(6)) == "5.7 MiB of 3.8 MiB, which is too little, "


def test_rows_that_the_compiler_has_no_memory_for_do_not_fit() -> None:
    small = compiler(100)

    def compile_rows(rows: int) -> Any:
        if rows > 8:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory in memory space hbm")
        return small(rows)

    search = Search(64, 10**6, lambda rows: 100 * rows)
    found: Any = largest_fitting(64, search, compile_rows)
    assert found.micro_rows == 8
    with pytest.raises(Failure, match=r"^\d+ rows? at once, .* than the 976.6 KiB of a device; split") as caught:
        largest_fitting(64, Search(64, 10**6, lambda rows: rows), lambda rows: compile_rows(100))
    assert caught.value.exit_code == ExitCode.INVALID
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        largest_fitting(64, Search(64, 10**6, lambda rows: rows), broken)


def broken(rows: int) -> Any:
    raise jax.errors.JaxRuntimeError("INTERNAL: something else")


def test_a_phase_under_way_keeps_the_rows_that_its_masks_are_drawn_for() -> None:
    before = manifest_at(3)
    phase = SimpleNamespace(name=before.progress.phase, last_step=9)
    drops = make_spec(architecture={"dropout": 0.1}, training={"batch_size": 12})
    pinned = partial(pinned_rows, phase=phase, before=before, devices=before.batch_devices)
    assert pinned(drops) == before.micro_batch_rows
    assert pinned(make_spec(training={"batch_size": 12})) is None
    assert pinned(make_spec(architecture={"dropout": 0.1}, training={"per_device_batch_size": 2})) is None
    assert pinned(drops, devices=2) is None
    assert pinned(drops, before=None) is None
    assert pinned(drops, phase=SimpleNamespace(name=phase.name, last_step=3)) is None


def test_a_device_that_says_nothing_of_its_memory_is_left_out(
    tmp_path: Path, compiled_rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.train.fitting, "device_memory", lambda: None)
    assert compiled_in(tmp_path, run_in(tmp_path)) == (12, 1)
    assert memory_remark(compiler(1)(1)) == ""
