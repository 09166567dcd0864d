"""Weights go onto the mesh tensor by tensor: the host never holds a model beside its own part of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.interrupted_run import environment


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(),
    reason="only Linux tells own memory from mapped files",
)
def test_loading_takes_two_tensors_beside_what_is_kept(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.runner.weights.peak_memory", str(tmp_path)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kept"] > 2.5 * found["largest"]
    assert found["peak"] <= found["kept"] + 2 * found["largest"]
