"""A plan counts epochs by the token stores that lie there, and by none that a run would make again."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli import main
from runner.data.catalog import open_catalog
from runner.data.stores.display import Silent
from runner.environment import known_data
from runner.plan.compile import compile_plan
from schema.budget.dataset_names import Key
from schema.budget.draws import EntryBudget
from schema.lint import load_spec
from schema.spec import Spec
from tests.runner.workplace import fill


def planned_entries(spec: Spec) -> list[EntryBudget]:
    plan = compile_plan(spec, 1, known_data(spec))
    return [entry for phase in plan.phases for stage in phase.stages for entry in stage.mixture]


def test_epochs_follow_from_the_store_that_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    spec = load_spec("spec.yaml")
    assert all(entry.epochs is None for entry in planned_entries(spec))
    rows = len(open_catalog(spec, compile_plan(spec), Silent()).train[Key("tales", "", "PADDED")])
    printed = CliRunner().invoke(main, ["plan", "spec.yaml"])
    assert (printed.exit_code, "no store yet" in printed.stdout, "Ledger" in printed.stdout) == (0, False, True)
    (tmp_path / "tales.jsonl").touch()  # the same text
    assert CliRunner().invoke(main, ["plan", "spec.yaml"]).stdout == printed.stdout
    again = "the store of 'tales' was made of something else; `lorarun prepare SPEC` makes it again\n"
    assert again not in printed.stdout
    with monkeypatch.context() as changed:
        changed.setattr("runner.data.survey.MOST_COMPARED_BYTES", 0)  # of large files the stamp alone is compared
        assert again in CliRunner().invoke(main, ["plan", "spec.yaml"]).stdout
    for keys in ("data/deduplicate=exact", "data/sources/tales/path=copy.jsonl"):
        (tmp_path / "copy.jsonl").write_text((tmp_path / "tales.jsonl").read_text() * 2)
        printed = CliRunner().invoke(main, ["plan", "spec.yaml", "--set", keys])
        assert printed.exit_code == 0, printed.stderr
        assert (again in printed.stdout, "no store yet" in printed.stdout) == (True, True), printed.stdout
        assert "Ledger" not in printed.stdout
    (tmp_path / "tales.jsonl").unlink()
    assert [entry.epochs for entry in planned_entries(spec)] == [entry.taken / rows for entry in planned_entries(spec)]
    printed = CliRunner().invoke(main, ["plan", "spec.yaml"])
    assert (printed.exit_code, "no store yet" in printed.stdout) == (0, False)
