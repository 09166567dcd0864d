"""What the commands do with pairs: they are prepared and shown, and nothing trains on them yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.data.pairs.pair_files import write_pairs
from tests.runner.workplace import SPEC, lorarun


def test_pairs_are_prepared_and_no_command_trains_on_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("tales", "pairs").replace("PADDED", "CONTRASTIVE"))
    write_pairs(tmp_path / "pairs.jsonl")
    prepared = lorarun(tmp_path, "prepare", "spec.yaml")
    assert prepared.exit_code == 0, prepared.stderr
    assert prepared.stdout.splitlines()[1].split()[:2] == ["pairs", "244"]
    for command, exit_code in (("validate", 1), ("plan", 2), ("exec", 2)):
        refused = lorarun(tmp_path, command, "spec.yaml")
        said = refused.stdout + refused.stderr
        assert (refused.exit_code, refused.changed) == (exit_code, set())
        assert "error[LR240 contrastive-untrained]: 'pairs' is CONTRASTIVE, and lorarun has no loss yet" in said
