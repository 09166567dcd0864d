"""The three commands. Each imports what it needs inside, so that `validate` starts as fast as it reads.

Every refusal leaves by one door: a sentence on stderr and the exit code that `runner.failure` documents.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from runner.failure import ExitCode, Failure

SETTING = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key, such as --set training/batch_size=8; checked like the YAML. Repeatable.",
)
TRACEBACK = click.option("--traceback", is_flag=True, help="Show Python's traceback of an unexpected error.")
SPEC = click.argument("spec", type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lorarun")
def main() -> None:
    """Train a language model in two phases, all parameters and then LoRA adapters, from one YAML spec.

    \b
    lorarun validate spec.yaml    find every mistake that can be known before the run
    lorarun plan spec.yaml        show steps, tokens, learning rates, adapters and bytes
    lorarun exec spec.yaml        run the plan; type the same line again to resume

    Exit codes: 0 done, 1 findings, 2 invalid spec or usage, 74 storage, 75 preempted (run again),
    76 numerics, 77 export differs, 78 resume refused.
    """


@main.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SPEC...")
@SETTING
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text", help="Layout of the findings.")
@TRACEBACK
def validate(specs: tuple[Path, ...], overrides: tuple[str, ...], layout: str, traceback: bool) -> None:
    """Check specs and print every finding, with place, reason and remedy.

    Exits with 0 when no finding is an error, 1 when one is, 2 when a file cannot be read.
    """
    with _leave_cleanly(traceback):
        from schema.diagnostic import Severity
        from schema.lint import lint_file
        from schema.report import render_json, render_text

        found = [finding for spec in specs for finding in lint_file(spec, overrides).diagnostics]
        colour = sys.stdout.isatty()
        text = render_json(found) if layout == "json" else render_text(found, files=len(specs), colour=colour)
        click.echo(text.rstrip("\n"))
        if any(finding.severity is Severity.ERROR for finding in found):
            sys.exit(ExitCode.FINDINGS)


@main.command()
@SPEC
@SETTING
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text", help="Layout of the plan.")
@click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Devices to plan for.")
@TRACEBACK
def plan(spec: Path, overrides: tuple[str, ...], layout: str, devices: int, traceback: bool) -> None:
    """Show what exec would do: phases, stages, steps, tokens, learning rates, adapters, bytes, FLOPs."""
    with _leave_cleanly(traceback):
        from runner.plan import compile_plan
        from schema.lint import load_spec

        compiled = compile_plan(load_spec(spec, overrides), devices)
        if layout == "json":
            click.echo(compiled.to_json())
            return
        from runner.plan_report import render_plan

        click.echo(render_plan(compiled, spec.name), nl=False)


@main.command("exec")
@SPEC
@SETTING
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Folder of the run: checkpoints, metrics, summary. Default: runs/NAME for NAME.yaml.",
)
@click.option(
    "--restore",
    type=click.Path(path_type=Path),
    help="Run directory or checkpoint of another run whose weights this one starts from.",
)
@TRACEBACK
def execute(
    spec: Path, overrides: tuple[str, ...], run_dir: Path | None, restore: Path | None, traceback: bool
) -> None:
    """Run the plan. The same command resumes a run that was stopped, at the step where it stood.

    Ctrl-C finishes the current step, saves a checkpoint and exits with 75.
    """
    with _leave_cleanly(traceback):
        from schema.environment import Environment
        from schema.lint import load_spec

        loaded = load_spec(spec, overrides, Environment(restore=restore is not None))
        from runner.job import ExecutionSpec
        from runner.lora_trainer import execute_spec

        execute_spec(ExecutionSpec(loaded, run_dir or Path("runs") / spec.stem, restore))


@contextmanager
def _leave_cleanly(traceback: bool) -> Iterator[None]:
    """Turn what a command raises into a sentence on stderr and an exit code."""
    try:
        yield
    except (SystemExit, click.ClickException, click.exceptions.Exit):
        raise
    except BaseException as error:
        if traceback and not isinstance(error, Failure | KeyboardInterrupt):
            raise
        sys.exit(_explain(error))


def _explain(error: BaseException) -> ExitCode:
    """Print the one sentence that belongs to an error, and return its exit code."""
    from schema.diagnostic import SpecError, UnreadableSpec

    if isinstance(error, Failure):
        click.echo(f"lorarun: {error}", err=True)
        return error.exit_code
    if isinstance(error, SpecError):
        from schema.report import render_text

        click.echo(render_text(error.diagnostics, files=1, colour=sys.stderr.isatty()).rstrip("\n"), err=True)
        return ExitCode.INVALID
    if isinstance(error, UnreadableSpec):
        click.echo(f"lorarun: {error}", err=True)
        return ExitCode.INVALID
    if isinstance(error, KeyboardInterrupt):
        click.echo("lorarun: stopped; nothing that was saved is lost, run the same command again", err=True)
        return ExitCode.PREEMPTED
    click.echo(f"lorarun: unexpected {type(error).__name__}: {error}; --traceback shows where", err=True)
    return ExitCode.FINDINGS


if __name__ == "__main__":
    main()
