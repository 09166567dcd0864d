"""Adapters name the model of the hub that they belong to, where their base is that one, and else the exported base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.export.base_name import base_name
from runner.huggingface import read_model
from schema.families import architecture_of, load_family, parameters
from schema.spec import Spec
from tests.runner.weights.model_folders import QWEN3, write_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("pretrained", "trained", "wanted"),
    [
        (f"owner/tiny@{COMMIT}", False, ("owner/tiny", COMMIT)),
        (f"owner/tiny@{COMMIT}", True, None),  # phase full, or a type that doesn't hold its numbers
        (f"owner/gone@{COMMIT}", False, None),
        ("owner/tiny", False, None),  # a branch moves
        (None, False, None),
    ],
)
def test_a_base_is_named_so_that_it_is_found_from_anywhere(
    pretrained: str | None, trained: bool, wanted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    snapshot = write_folder(tmp_path / f"cache/models--owner--tiny/snapshots/{COMMIT}", QWEN3, bfloat16=True)
    spec = Spec.model_validate({"architecture": {**architecture_of(QWEN3), "pretrained": pretrained}})
    files = load_family("qwen3").hugging_face(spec.architecture)
    found = {
        path: array.astype(np.float32) for path, array in read_model(snapshot, files, parameters(spec.architecture))
    }
    if trained:
        found["final_norm/scale"] = found["final_norm/scale"] + np.float32(1e-3)
    named = base_name(
        spec, Path("run/export/base"), files, lambda path, at: found[path] if at is None else found[path][at]
    )
    assert named == (wanted or (str(tmp_path / "run/export/base"), None))
