"""`lorarun prepare`: what it makes and says, and that the commands behind it find the stores."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.commands.guide.shapes import SHAPES
from runner.data.stores import batches
from runner.data.stores.make import _Making
from tests.runner.workplace import fill, lorarun


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and its data."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def test_stores_are_made_once_and_told_in_a_table(here: Path) -> None:
    with (here / "tales.jsonl").open("a") as file:
        file.write('{"prompt": "tale 100: ", "completion": " "}\n')
    first, second = (lorarun(here, "prepare", "spec.yaml") for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert {path.partition("/")[0] for path in first.changed} == {"stores"}
    assert "preparing tales\n" in first.stderr
    heading, row, left_out = first.stdout.splitlines()
    assert heading.split("  ")[0] == "dataset"
    assert re.fullmatch(r"tales    100        2,476   1,586       1         7,368  \d+\.\d", row)
    assert left_out == "tales: left out are 1 with an empty completion (tales.jsonl:101)"
    assert second.changed == set()
    assert second.stdout.splitlines()[1] == row[: row.rindex(" ") + 1] + "reused"
    assert "preparing" not in lorarun(here, "data", "spec.yaml", "--show", "0").stderr
    done = lorarun(here, "prepare", "spec.yaml", "--format", "json")
    found = json.loads(done.stdout)
    assert [*found] == ["version", *SHAPES["prepare"]]
    (store,) = found["stores"]
    assert ", ".join(store) == re.sub(r"list: | \([^)]*\)", "", SHAPES["prepare"]["stores"])
    assert (store["name"], store["documents"], store["seconds"]) == ("tales", 100, None)
    assert store["left_out"] == {"with an empty completion (tales.jsonl:101)": 1}


def test_what_was_stopped_goes_on_with_the_same_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 500)
    take = _Making.take

    def stopped(self: _Making, *batch: object) -> None:
        if self.progress.place.entries > 50:
            raise KeyboardInterrupt
        take(self, *batch)

    with monkeypatch.context() as stopping:
        stopping.setattr(_Making, "take", stopped)
        done = lorarun(here, "prepare", "spec.yaml")
    assert (done.exit_code, done.stdout) == (75, "")
    assert done.stderr.endswith("lorarun: stopped; nothing that was saved is lost, run the same command again\n")
    again = lorarun(here, "prepare", "spec.yaml")
    assert again.exit_code == 0
    assert re.search(r"^dataset 'tales': continuing at 62 %$", again.stderr, flags=re.MULTILINE)
    assert not list((here / "stores").glob(".*"))
