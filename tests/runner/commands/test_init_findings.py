"""What `lorarun init` does where the linter finds something in the spec that was asked for, and it is no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.commands.starter_folder import init, made


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--full-tokens", "1B", "--lora-tokens", "70K", "--batch-size", "16"], "warning[LR108 adapter-phase-negl"),
        (["--rank", "100"], "warning[LR304 adapter-not-smaller]"),
        (["--lora-tokens", "5K", "--batch-size", "4"], "warning[LR104 phase-too-short]"),
    ],
)
def test_what_is_likely_not_meant_is_told_and_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = init("--yes", *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert sentence in result.stderr
    assert "fixable" not in result.stderr
    assert (tmp_path / "spec.yaml").exists()


@pytest.mark.parametrize("size", ["tiny", "small", "large"])
def test_adapters_on_a_thousandth_of_the_run_are_no_finding(size: str) -> None:
    spec = made("--size", size, "--full-tokens", "10B", "--lora-tokens", "10M")
    assert spec.training.post_lora_tokens[0] < 11_000_000
