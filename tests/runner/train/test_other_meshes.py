"""A run that was saved on one mesh goes on on another one: the same rows, and the same losses but for rounding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runner.interrupted_run import eight_devices, records, summary
from tests.runner.train.other_meshes import MOVES
from tests.runner.workplace import SPEC, fill

# Sums over other parts of a matrix round otherwise: some 1e-7 a step in float32, over 8 steps that feed one another.
# On one and the same mesh nothing rounds otherwise, and nothing is tolerated.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `other_meshes.py` has run all moves."""
    folder = tmp_path_factory.mktemp("meshes")
    fill(folder)
    # Rows of two examples, which see themselves alone on every mesh.
    spec = SPEC.replace("PADDED", "PACKED").replace("block_size: 32", "block_size: 64").replace("[256]", "[2048]")
    spec = spec.replace("batch_size: 4\n  per_device_batch_size: 2", "batch_size: 8")
    spec = spec.replace("n_embd: 16, n_head: 2", "n_embd: 32, n_head: 8").replace(
        "{report_interval: 1}", "{report_interval: 1, checkpoint_interval: 2}"
    )
    (folder / "words.txt").write_text(" ".join(map(str, range(2_000))))
    mixed = "[{name: tales, rate: 0.5, style: PADDED}, {name: words, rate: 0.5, style: PMD}]"
    for one, other in (
        ("post_lora_dataset: [[{name: tales, rate: 1.0, style: PACKED}]]", f"post_lora_dataset: [{mixed}]"),
        ("{tales: {path: tales.jsonl}}", "{tales: {path: tales.jsonl}, words: {path: words.txt}}"),
    ):
        assert one in spec
        spec = spec.replace(one, other)
    (folder / "spec.yaml").write_text(spec + "checkpoint: {keep: 9}\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.runner.train.other_meshes", str(folder)],
        cwd=folder,
        env=eight_devices(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def steps(run: Path) -> list[dict[str, Any]]:
    return [record for record in records(run) if record["event"] == "train"]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "step", "mesh"), [move for move in MOVES if move[0] != move[2]])
def test_a_run_goes_on_on_another_mesh(folder: Path, source: str, step: int, mesh: str) -> None:
    moved, whole = steps(folder / f"{source}-{step}-{mesh}"), steps(folder / source[:3])
    assert [record["step"] for record in moved] == list(range(1, 9))
    assert [record["token_digest"] for record in moved] == [record["token_digest"] for record in whole]
    assert moved[:step] == steps(folder / source)[:step]
    assert [record["loss"] for record in moved] == pytest.approx([record["loss"] for record in whole], rel=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "step", "mesh"), [move for move in MOVES if move[0] == move[2]])
def test_a_run_goes_on_on_its_own_mesh_bit_for_bit(folder: Path, source: str, step: int, mesh: str) -> None:
    moved, whole = folder / f"{source}-{step}-{mesh}", folder / source
    assert records(moved) == records(whole)
    exported = {"export": {}, "sha256": ""}  # the file's digest of its own text differs with it
    assert {**summary(moved), **exported} == {**summary(whole), **exported}
