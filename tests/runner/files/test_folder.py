"""A folder has its name when it is whole; whatever fails or dies on the way, an older one is not lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.files import folder as protocol
from runner.files.folder import begin, bring_back, commit, hidden, remove, set_aside, withdraw


def write(folder: Path, text: str) -> Path:
    """Write a folder of one file under its hidden name; return that."""
    partial = hidden(folder)
    begin(partial)
    (partial / "file").write_text(text)
    return partial


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_at_once_and_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    for text in ("one", "two"):
        partial = write(tmp_path / "export", text)
        commit(partial, tmp_path / "export")
        assert (tmp_path / "export/file").read_text() == text
    assert names(tmp_path) == ["export"]


def test_its_name_is_on_the_disk_before_the_older_one_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(write(tmp_path / "export", "one"), tmp_path / "export")
    synced: list[list[str]] = []
    monkeypatch.setattr(protocol, "sync", lambda parent: synced.append(names(parent)))
    commit(write(tmp_path / "export", "two"), tmp_path / "export")
    assert synced == [[".partial-export-old", "export"]]


def test_where_naming_fails_the_older_one_has_its_name_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(write(tmp_path / "export", "one"), tmp_path / "export")
    partial = write(tmp_path / "export", "two")
    rename = Path.rename

    def fails(self: Path, target: Any) -> Path:
        if self == partial:
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="no"):
        commit(partial, tmp_path / "export")
    assert (tmp_path / "export/file").read_text() == "one"


def test_what_died_between_the_two_renames_is_brought_back(tmp_path: Path) -> None:
    commit(write(tmp_path / "export", "one"), tmp_path / "export")
    (tmp_path / "export").rename(tmp_path / ".partial-export-old")
    bring_back(tmp_path / "export")
    bring_back(tmp_path / "export")
    assert names(tmp_path) == ["export"]


def test_what_a_dead_process_left_hidden_is_no_part_of_the_next(tmp_path: Path) -> None:
    (hidden(tmp_path / "export") / "merged").mkdir(parents=True)
    assert names(write(tmp_path / "export", "one")) == ["file"]


def test_a_folder_that_is_removed_loses_its_name_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(write(tmp_path / "3", "three"), tmp_path / "3")
    seen: list[list[str]] = []
    monkeypatch.setattr(protocol, "remove", lambda path: (seen.append(names(tmp_path)), remove(path)))
    withdraw(tmp_path / "3")
    assert (seen, names(tmp_path)) == ([[".partial-3-old"]], [])


def test_a_damaged_folder_is_set_aside_under_a_name_that_is_free(tmp_path: Path) -> None:
    (tmp_path / "damaged/4-2").mkdir(parents=True)
    (tmp_path / "damaged/4").symlink_to("nowhere")
    (tmp_path / "checkpoints/4").mkdir(parents=True)
    assert set_aside(tmp_path / "checkpoints/4", tmp_path) == tmp_path / "damaged/4-3"
    assert names(tmp_path / "checkpoints") == []
