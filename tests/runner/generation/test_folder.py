"""Where the base of adapters is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.failure import Failure
from runner.generation.folder import _base_of
from tests.runner.generation.model_folder import write_adapter, write_model


def test_an_adapter_finds_the_base_of_its_export_wherever_both_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "moved"
    base, adapter = write_model(folder / "base"), write_adapter(folder / "adapter", "/gone/export/base")
    for name in ("adapter", "base"):
        (folder / name / "lorarun.json").write_text('{"base_digest": "1"}')
    monkeypatch.chdir(tmp_path)
    assert _base_of(Path("moved/adapter")).path == base
    monkeypatch.chdir(adapter)
    assert _base_of(Path()).path == base


@pytest.mark.parametrize("note", [None, '{"base_digest": "2"}'])
def test_a_base_of_another_training_beside_an_adapter_is_none_of_its(note: str | None, tmp_path: Path) -> None:
    write_model(tmp_path / "base")
    adapter = write_adapter(tmp_path / "adapter", "/gone/export/base")
    (adapter / "lorarun.json").write_text('{"base_digest": "1"}')
    if note is not None:
        (tmp_path / "base/lorarun.json").write_text(note)
    with pytest.raises(Failure, match=r"names the base '/gone/export/base', and there is no such folder here"):
        _base_of(adapter)
