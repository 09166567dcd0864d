"""A working directory with a spec whose tokenizer is that of the folder `smol`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.data.tokenizer_folders import byte_level, folder
from tests.runner.workplace import SPEC
from tests.runner.workplace import fill as fill_own

OWN = SPEC.replace("tokenizer: {backend: byte}", "tokenizer: {backend: huggingface, name: smol}")


def fill(place: Path, monkeypatch: pytest.MonkeyPatch, spec: str = OWN) -> Path:
    """Write spec, data and tokenizer, and go there."""
    fill_own(place)
    (place / "spec.yaml").write_text(spec)
    folder(place / "smol", byte_level())
    monkeypatch.chdir(place)
    return place
