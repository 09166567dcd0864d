"""`validate --env` knows about how much there is of the built-in datasets before they are prepared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.workplace import SPEC, lorarun

BUILT_IN = SPEC.replace("sources: {tales: {path: tales.jsonl}}", "sources: {}").replace(
    "block_size: 32", "block_size: 256"
)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("{name: pystdlib, rate: 1.0, style: PMD}", "{name: pydoc, rate: 1.0, style: PADDED}", {"LR212"}),
        ("{name: pystdlib, rate: 1.0}", "{name: pydoc, rate: 1.0, style: PADDED}", {"LR210", "LR212"}),
        ("{name: pydoc, rate: 1.0, style: PMD}", "{name: pydoc, rate: 1.0, style: PADDED}", {"LR212", "LR220"}),
    ],
    ids=["9 B tokens of 12 MB", "PADDED by default", "pairs in PMD"],
)
def test_what_is_asked_of_the_library_is_compared_with_what_it_holds(
    first: str, second: str, found: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mixtures = [f"[[{each}]]" for each in (first, second)]
    asked = ("pre_lora_tokens=[9B]", "post_lora_tokens=[900M]")
    asked += (f"pre_lora_dataset={mixtures[0]}", f"post_lora_dataset={mixtures[1]}")
    (tmp_path / "spec.yaml").write_text(BUILT_IN)
    done = lorarun(tmp_path, "validate", "--env", "spec.yaml", *(f"--set=training/{each}" for each in asked))
    assert {code for code in ("LR210", "LR212", "LR220", "LR221") if f"warning[{code} " in done.stdout} == found
    assert (done.exit_code, done.changed) == (0, set())
