"""The search for the largest micro-batch that fits, and what of it a run remembers; no program is compiled here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runner.train.fitting
from runner.run.execution import ExecutionSpec
from runner.run.record import create_run_dir, noted_micro_batch
from runner.train.compiled import ProgramMemory
from runner.train.fitting import MOST_COMPILED, Search, compile_largest, largest_fitting, memory_remark
from runner.train.micro_batch_checks import first_rows
from schema.budget.micro_batch import MEMORY_SHARE, divisors
from tests.runner.tiny_run import make_spec, one_device

STATE = 1000


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
        assert found.memory.needed <= search.limit


def test_an_estimate_that_is_far_off_is_halved_until_it_fits() -> None:
    for wrong, rows in [(2.5, 16), (5.0, 8), (30.0, 2)]:
        search = Search(64, int(64 * 100 / MEMORY_SHARE) + 10_000, lambda rows: 100 * rows)
        found: Any = largest_fitting(64, search, compiler(100 * wrong + 10_000 / 64))
        assert found.memory.needed <= search.limit
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
    monkeypatch.setattr(runner.train.fitting, "device_memory", lambda: 4 * 10**6)
    return asked


def run_in(folder: Path, **training: Any) -> Any:
    spec = make_spec(training={"batch_size": 12, **training})
    create_run_dir(ExecutionSpec(spec, folder))
    return spec


def test_a_run_that_resumes_compiles_once_what_was_found_to_fit(tmp_path: Path, compiled_rows: list[int]) -> None:
    spec, mesh = run_in(tmp_path), one_device()
    found = compile_largest(spec, tmp_path, mesh, None, "full")  # type: ignore[arg-type]
    assert found.micro_rows == 3
    assert len(compiled_rows) > 1
    assert noted_micro_batch(tmp_path, "full") == {"rows": 3, "devices": 1, "device_bytes": 4 * 10**6}
    assert noted_micro_batch(tmp_path, "lora") is None
    compiled_rows.clear()
    assert compile_largest(spec, tmp_path, mesh, None, "full").micro_rows == 3  # type: ignore[arg-type]
    assert compiled_rows == [3]
    assert first_rows(spec, tmp_path, mesh, "full", int(4.1e6)) == 3
    assert first_rows(spec, tmp_path, mesh, "full", 8 * 10**6) == 12  # another device, for which nothing is known


def test_rows_that_are_written_are_compiled_as_they_are(tmp_path: Path, compiled_rows: list[int]) -> None:
    spec = run_in(tmp_path, per_device_batch_size=6)
    compiled = compile_largest(spec, tmp_path, one_device(), None, "full")  # type: ignore[arg-type]
    assert (compiled.micro_rows, compiled_rows) == (6, [6])
    assert noted_micro_batch(tmp_path, "full") is None
    assert memory_remark(compiled) == "5.7 MiB of 3.8 MiB, which is too little, "


def test_a_device_that_says_nothing_of_its_memory_is_left_out(
    tmp_path: Path, compiled_rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.train.fitting, "device_memory", lambda: None)
    compiled = compile_largest(run_in(tmp_path), tmp_path, one_device(), None, "full")  # type: ignore[arg-type]
    assert compiled_rows == [12]
    assert memory_remark(compiled) == ""
