"""A sealed folder is either as it was committed, or found out: whichever byte of it, or file, the disk lost."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checkpoint.manifest import newest_intact, read_manifest, verify_checkpoint
from runner.failure import ExitCode, Failure
from runner.files.seal import Damaged, check_seal, seal, sealed_facts
from tests.runner.sealed_checkpoint import seal_checkpoint


def test_facts_come_back(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"bytes")
    seal(tmp_path, {"step": 3, "name": "straße"})
    facts = check_seal(tmp_path)
    assert (facts["step"], facts["name"], list(facts["files"])) == (3, "straße", ["inner/file"])
    assert sealed_facts(tmp_path) == facts


@given(data=st.binary(max_size=64), change=st.data())
def test_any_changed_byte_is_found(data: bytes, change: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_bytes(data)
        (folder / "empty").write_bytes(b"")
        seal(folder, {"step": 1})
        path = folder / change.draw(st.sampled_from(["manifest.json", *(["file"] if data else [])]))
        content = bytearray(path.read_bytes())
        place = change.draw(st.integers(0, len(content) - 1))
        content[place] ^= change.draw(st.integers(1, 255))
        path.write_bytes(content)
        with pytest.raises(Damaged):
            check_seal(folder)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no marker": (lambda folder: (folder / "manifest.json").unlink(), "it has no manifest.json"),
    "an empty marker": (
        lambda folder: (folder / "manifest.json").write_bytes(b""),
        "manifest.json is not JSON of ours",
    ),
    "half a marker": (
        lambda folder: (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:99]),
        "manifest.json is not JSON of ours",
    ),
    "a marker of another version": (
        lambda folder: seal(folder, {"step": 3}),
        "manifest.json is of another version",
    ),
    "a short file": (
        lambda folder: (folder / "state/arrays").write_bytes(b""),
        "state/arrays has 0 bytes in place of 4",
    ),
    "a missing file": (lambda folder: (folder / "state/arrays").unlink(), "state/arrays is missing"),
    "another byte": (
        lambda folder: (folder / "state/arrays").write_bytes(b"\0\1\2\7"),
        "the bytes of state/arrays have changed",
    ),
    "a folder for a file": (
        lambda folder: ((folder / "state/arrays").unlink(), (folder / "state/arrays").mkdir()),
        "state/arrays has ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_newest_intact_checkpoint_is_found_behind_a_damaged_one(fault: str, tmp_path: Path) -> None:
    for step in (9, 10):
        seal_checkpoint(tmp_path, step)
    make, reason = FAULTS[fault]
    make(tmp_path / "checkpoints/10")
    folder, damaged = newest_intact(tmp_path)
    assert folder == tmp_path / "checkpoints/9"
    assert [*damaged] == [tmp_path / "checkpoints/10"]
    assert reason in damaged[tmp_path / "checkpoints/10"]


def test_a_checkpoint_of_phase_lora_needs_its_base(tmp_path: Path) -> None:
    seal_checkpoint(tmp_path, 1)
    lora = seal_checkpoint(tmp_path, 2, "lora", "b" * 64)
    folder, damaged = newest_intact(tmp_path)
    assert (folder, damaged) == (
        tmp_path / "checkpoints/1",
        {lora: f"{tmp_path / 'base'} is not intact: it is missing"},
    )


def test_what_lies_beside_a_checkpoint_is_none(tmp_path: Path) -> None:
    assert newest_intact(tmp_path) == (None, {})
    (tmp_path / "checkpoints/.partial-3").mkdir(parents=True)
    assert newest_intact(tmp_path) == (None, {})


def test_a_manifest_says_what_a_checkpoint_is(tmp_path: Path) -> None:
    folder = seal_checkpoint(tmp_path, 7)
    assert read_manifest(folder) == verify_checkpoint(folder)
    assert json.loads((folder / "manifest.json").read_text())["facts"]["step"] == 7
    with pytest.raises(Failure, match=r"checkpoints/8 is no intact checkpoint: it is missing$") as refused:
        read_manifest(folder.with_name("8"))
    assert refused.value.exit_code is ExitCode.STORAGE
