"""`lorarun init`: a commented spec to start from, made of a few flags or answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT

if TYPE_CHECKING:
    from schema.starter import Starter

SIZES = ("tiny", "small", "medium", "large")  # of schema/starter.py, so that --help does not load it
AT_LEAST_ONE = click.IntRange(min=1)
STDOUT = "-"
SPEC = "spec.yaml"  # what a spec is called that has no name


def read_tokens(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read a budget as specs write it: 300M, 1.5B, 300_000_000."""
    from schema.text.scalars import number

    if text is None:
        return None
    tokens = number(text)
    if not isinstance(tokens, int) or tokens < 0:
        raise click.BadParameter(f"{text!r} is no number of tokens; write 300M, for instance")
    return tokens


@click.command("init")
@click.argument("file", default=SPEC)
@click.option("--family", metavar="NAME", help="Model family. Default: that of architecture/family.")
@click.option("--size", type=click.Choice(SIZES), help="Shape of the model, batch, rate and budgets. Default: tiny.")
@click.option("--n-layers", type=AT_LEAST_ONE, help="Number of transformer blocks.")
@click.option("--n-embd", type=AT_LEAST_ONE, help="Width of the model.")
@click.option("--n-head", type=AT_LEAST_ONE, help="Number of attention heads.")
@click.option("--block-size", type=AT_LEAST_ONE, help="Sequence length in tokens.")
@click.option("--batch-size", type=AT_LEAST_ONE, help="Rows of a step.")
@click.option("--tokenizer", metavar="NAME", help="byte, or an encoding of tiktoken such as gpt2. Default: byte.")
@click.option("--pretrained", metavar="RUN|FOLDER", help="Run, checkpoint or model to start from.")
@click.option("--data", multiple=True, metavar="DATA", help="Data of phase full. Repeatable. Default: pystdlib.")
@click.option("--lora-data", multiple=True, metavar="DATA", help="Data of phase lora. Repeatable. Default: pydoc.")
@click.option("--full-tokens", callback=read_tokens, metavar="TOKENS", help="Budget of phase full; 0 leaves it out.")
@click.option("--lora-tokens", callback=read_tokens, metavar="TOKENS", help="Budget of phase lora; 0 leaves it out.")
@click.option("--rank", type=AT_LEAST_ONE, help="Rank of the adapters.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no flag says has its default.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@FORMAT
@TRACEBACK
def command(file: str, yes: bool, force: bool, traceback: bool, layout: str, **wishes: Any) -> None:
    """Write a commented spec to start from.

    FILE is spec.yaml, unless you name another; - is standard output. On a terminal, questions are asked for what no
    flag says. DATA is a built-in dataset, pystdlib or pydoc, or the path of files as .txt, .jsonl, .csv or .parquet,
    whose first record says by its fields what it holds: a text, a prompt and a completion, or a conversation.
    """
    with leave_cleanly(traceback):
        from runner.commands.init.answers import Wishes, make_starter

        _check_file(file, force)
        asked = Wishes(**wishes)
        if not yes and layout == "text" and _on_terminal():
            from runner.commands.init.questions import ask

            asked = ask(asked)
        _deliver(make_starter(asked, SPEC if file == STDOUT else file), file, layout)


def _check_file(file: str, force: bool) -> None:
    """Refuse a file that is there, or that is no YAML file. Raises Failure INVALID."""
    from runner.commands.validate.spec_files import SUFFIXES
    from runner.failure import ExitCode, Failure
    from schema.text.wording import quote

    if file == STDOUT:
        return
    if not file.endswith(SUFFIXES) or not file.isprintable():
        raise Failure(f"{quote(file)} is no name for a spec; write one that ends in .yaml", ExitCode.INVALID)
    if Path(file).exists() and not force:
        raise Failure(f"{file} is there already; name another file, or give --force", ExitCode.INVALID)


def _on_terminal() -> bool:
    return bool(sys.stdin and sys.stdin.isatty())


def _deliver(starter: Starter, file: str, layout: str) -> None:
    """Lint the spec and write it, with what the linter finds shown. Raises Failure INVALID where that is an error."""
    from runner.commands.output import write_file
    from runner.commands.terminal import wants_colour, write
    from runner.failure import ExitCode, Failure
    from schema.formats import json_text, render_text
    from schema.formats.json import rows
    from schema.lint import lint_text
    from schema.starter import starter_text

    text = starter_text(starter)
    verdict = lint_text(text, starter.name)
    findings = [each._replace(fix=None) for each in verdict.diagnostics]  # there is no file to fix
    if findings and layout == "text":
        write(render_text(findings, colour=wants_colour(sys.stderr)), err=True)
    details = {"findings": rows(findings)}
    if verdict.failed:
        raise Failure("nothing was written: the spec that was asked for has these findings", ExitCode.INVALID, details)
    if file != STDOUT:
        write_file(Path(file), text)
    if layout == "json":
        write(json_text({"file": None if file == STDOUT else file, "spec": text, **details}))
    elif file == STDOUT:
        write(text)
    else:
        write(f"lorarun: wrote {file}; next: lorarun validate --env {file}\n", err=True)
