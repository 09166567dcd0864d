"""Signals at moments of a preparation, with workers and without: the store of peace, and no process that is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runner.data.test_data_resume import content
from tests.runner.data.tokenizer_folders import TEXT, byte_level, folder

ROOT = Path(__file__).resolve().parents[3]
PREPARE = """
import sys
from runner.data.stores import batches, cuts, make, parallel
batches.BATCH_CHARACTERS = batches.PIECE_CHARACTERS = 2**14
cuts.Cutter.__init__.__kwdefaults__["window"] = 2**14
parallel.ALONE_SECONDS, make.NOTE_SECONDS, make.NOTED_BYTES = 0.0, 0.05, 0
from runner.cli import main
main(["prepare", "spec.yaml", "--set", f"data/workers={sys.argv[1]}", "--set", f"data/root={sys.argv[2]}"])
"""
SPEC = """\
architecture: {block_size: 64, vocab_size: 320, n_layers: 1, n_embd: 16, n_head: 2}
data: {sources: {x: {path: "texts/*"}}}
tokenizer: {backend: huggingface, name: tokenizer}
training:
  batch_size: 4
  pre_lora_tokens: [4096]
  pre_lora_dataset: [[{name: x, rate: 1.0, style: PMD}]]
  post_lora_tokens: [4096]
  post_lora_dataset: [[{name: x, rate: 1.0, style: PMD}]]
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a spec, its tokenizer, and texts of some megabytes: short ones, and one that is long."""
    folder(tmp_path / "tokenizer", byte_level())
    (tmp_path / "texts").mkdir()
    with (tmp_path / "texts" / "a.jsonl").open("w") as file:
        for number in range(12_000):
            file.write(json.dumps({"text": f"{number}: {TEXT[number % 2]}" * (number % 5)}) + "\n")
    (tmp_path / "texts" / "b.jsonl").write_text(json.dumps({"text": " ".join(TEXT) * 3000}) + "\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def start(here: Path, workers: int, root: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(workers), root],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_of(session: int) -> list[str]:
    """Processes of a session that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.append(stat.parent.name)
    return found


def wait_for_end(session: int) -> None:
    """Every process of a session must end within seconds."""
    until = time.monotonic() + 20
    while left := processes_of(session):
        assert time.monotonic() < until, left
        time.sleep(0.05)


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_store_is_that_of_peace_after_kills(workers: int, number: signal.Signals, here: Path) -> None:
    began = time.monotonic()
    _, said = (peaceful := start(here, workers, "peace")).communicate()
    assert peaceful.returncode == 0, said
    whole, peace, continued = time.monotonic() - began, content(here / "peace" / "x"), 0
    for moment in range(20):
        root, texts = f"s{moment}", []
        for share in ((moment + 1) / 21, (20 - moment) / 21):
            killed = start(here, workers, root)
            time.sleep(whole * share)
            killed.send_signal(number)
            _, said = killed.communicate()
            wait_for_end(killed.pid)
            texts.append(said)
            assert "Traceback" not in said
            assert "semaphore" not in said
            if number == signal.SIGTERM and killed.returncode != 0:
                assert killed.returncode in (75, -signal.SIGTERM), said  # the second before it listens
        _, said = (last := start(here, workers, root)).communicate()
        assert last.returncode == 0, said
        assert content(here / root / "x") == peace, moment
        assert [path.name for path in (here / root).iterdir()] == ["x"]
        continued += "continuing at" in said or "continuing at" in texts[1]
    assert continued >= 5
