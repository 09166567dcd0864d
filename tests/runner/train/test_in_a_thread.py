"""A run from Python, in a thread of a program that has its own jax settings and listens to its own signals."""

from __future__ import annotations

import shutil
import signal
import threading
from io import StringIO
from pathlib import Path

import jax
import pytest
from rich.console import Console

from runner import ExecutionSpec, LoRATrainer
from schema import load_spec
from tests.runner.interrupted_run import summary
from tests.runner.workplace import EVERY_STEP


def test_a_run_in_a_thread_ends_as_any_other(
    saved_each_step: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(saved_each_step, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before, handler = summary(Path("run")), signal.getsignal(signal.SIGTERM)
    shutil.rmtree("run/checkpoints/4")
    Path("run/summary.json").unlink()
    output, spec = StringIO(), load_spec("spec.yaml", EVERY_STEP)
    trainer = LoRATrainer(ExecutionSpec(spec, "run"), Console(file=output))  # type: ignore[arg-type]

    def resume() -> None:
        with jax.enable_x64(True), jax.default_matmul_precision("bfloat16"):
            trainer.run()

    thread = threading.Thread(target=resume)
    thread.start()
    thread.join()
    assert summary(Path("run")) == before, output.getvalue()
    assert "jax_enable_x64=True, jax_default_matmul_precision=bfloat16: left out" in " ".join(output.getvalue().split())
    assert signal.getsignal(signal.SIGTERM) is handler
