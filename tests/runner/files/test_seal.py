"""A sealed folder is either as it was committed, or found out: whichever byte of it, or file, the disk lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.files.seal import Damaged, check_seal, seal, sealed_facts


def test_facts_come_back(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"bytes")
    seal(tmp_path, {"step": 3, "name": "straße"})
    facts = check_seal(tmp_path).facts
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
        "manifest.json is not JSON of lorarun",
    ),
    "half a marker": (
        lambda folder: (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:99]),
        "manifest.json is not JSON of lorarun",
    ),
    "another marker": (
        lambda folder: (folder / "manifest.json").write_text('{"facts": {}}'),
        "manifest.json does not agree with its own digest",
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
    "nothing at all": (shutil.rmtree, "it is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damage_is_named(fault: str, tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    (folder / "state").mkdir(parents=True)
    (folder / "state/arrays").write_bytes(b"\0\1\2\3")
    seal(folder, {"step": 3})
    make, reason = FAULTS[fault]
    make(folder)
    with pytest.raises(Damaged) as damaged:
        check_seal(folder)
    assert str(damaged.value).startswith(reason)


def test_the_digest_of_a_seal_is_that_of_all_its_facts(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    one, other = seal(tmp_path, {"step": 3}), seal(tmp_path, {"step": 4})
    assert one.digest != other.digest
    assert check_seal(tmp_path) == other
    assert other.bytes == 5
