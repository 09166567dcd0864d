"""SIGINT and SIGTERM stop a run with 75; the same command ends as if nothing had happened."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.runner.interrupted_run import finish, interrupt_when, preparing, reached, records, summary
from tests.runner.workplace import SPEC, fill, lorarun

LONGER = SPEC.replace("root: stores", "root: data").replace("[256]", "[6400]")  # 50 steps a phase


def test_a_run_that_is_asked_to_stop_three_times_ends_as_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    (tmp_path / "spec.yaml").write_text(LONGER)
    with (tmp_path / "tales.jsonl").open("a") as file:
        file.writelines(
            f'{{"prompt": "", "completion": "line {number} of many that take a while"}}\n' for number in range(8_000)
        )

    status, output = interrupt_when(tmp_path, "stopped", preparing, signal.SIGINT)
    assert (status, output.splitlines()[-1]) == (
        75,
        "lorarun: stopped; nothing that was saved is lost, run the same command again",
    )
    assert not (tmp_path / "stopped").exists()
    assert list((tmp_path / "data").glob("*")) == []

    for number, step in ((signal.SIGINT, 3), (signal.SIGTERM, 53)):
        status, output = interrupt_when(tmp_path, "stopped", reached(step), number)
        saved = max(int(entry.name) for entry in (tmp_path / "stopped" / "checkpoints").iterdir())
        assert (status, saved >= step) == (75, True)
        assert output.splitlines()[-1] == (
            f"lorarun: stopped after step {saved:,}, which is saved; run the same command again"
        )

    finish(tmp_path, "stopped")
    monkeypatch.chdir(tmp_path)
    assert lorarun(tmp_path, "exec", "spec.yaml", "--run-dir", "whole").exit_code == 0
    assert summary(tmp_path / "stopped") == summary(tmp_path / "whole")
    assert records(tmp_path / "stopped") == records(tmp_path / "whole")
