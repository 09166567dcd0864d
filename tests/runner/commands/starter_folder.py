"""A working directory with data of each kind and a run, and what `lorarun init` makes in it."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
from click.testing import CliRunner, Result

from runner.cli import main
from runner.plan.compile import compile_plan
from runner.run.execution import ExecutionSpec
from runner.run.record import create_run_dir
from schema.lint import accepted, lint_text
from schema.spec import Spec

FILES = ("notes.txt", "chats.jsonl", "texts.jsonl", "rows.parquet", "many", "m*y/*.txt")
RUN = Spec.model_validate(
    {
        "architecture": {"n_layers": 2, "n_embd": 64, "n_head": 2, "block_size": 64, "vocab_size": 50304},
        "tokenizer": {"backend": "tiktoken", "name": "gpt2"},
        "training": {"batch_size": 4},
        "optimization": {"lr": 1e-3},
    }
)


def fill(folder: Path) -> None:
    """Write FILES, and a run of RUN in runs/base."""
    (folder / "notes.txt").write_text("some words")
    (folder / "chats.jsonl").write_text('\n{"id": 1, "question": "q", "answer": "a"}\n')
    (folder / "texts.jsonl").write_text('{"text": "words"}\n')
    pyarrow.parquet.write_table(pyarrow.table({"n": [1], "story": ["words"]}), folder / "rows.parquet")
    (folder / "many").mkdir()
    (folder / "many" / "one.txt").write_text("words")
    create_run_dir(ExecutionSpec(RUN, folder / "runs" / "base"))
    manifest = folder / "runs" / "base" / "checkpoints" / "7" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")


def init(*arguments: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(main, ["init", *arguments], input=answers)


def spec_of(text: str) -> Spec:
    """The spec in a text on which the linter has nothing to say, and which has a plan."""
    verdict = lint_text(text, "spec.yaml")
    assert [(found.code, found.message) for found in verdict.diagnostics] == [], text
    spec = accepted(verdict)
    assert compile_plan(spec).steps > 0
    return spec


def made(*arguments: str) -> Spec:
    """The spec that flags ask for."""
    result = init("-", "--yes", *arguments)
    assert result.exit_code == 0, result.output
    return spec_of(result.stdout)
