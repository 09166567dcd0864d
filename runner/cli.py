"""The commands. Each imports what it needs inside, so that `validate` starts as fast as it reads.

Every refusal leaves by one door: a sentence on stderr and the exit code that `runner.failure` documents.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.exits import TRACEBACK, leave_cleanly
from runner.failure import ExitCode, Failure
from runner.terminal import wants_colour, write

if TYPE_CHECKING:
    from schema.lint import Verdict
    from schema.spec import Spec

# The formats of schema/report.py and the severities of schema/diagnostic.py, so that --help loads neither.
FORMATS = ("text", "json", "sarif", "github", "concise")
SEVERITIES = ("error", "warning", "info")
UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}


def read_size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read a number of bytes, with a unit or without: 80GiB, 16G, 17179869184."""
    if text is None:
        return None
    parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?i?)B?", text)
    if parts is None or parts[2] not in UNITS or not float(parts[1]):
        raise click.BadParameter(f"{text!r} is no size; write 80GiB, for instance")
    return int(float(parts[1]) * UNITS[parts[2]])


def read_name(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """Read the name of a folder beside another one, which must not lead anywhere else."""
    if text is not None and not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text):
        raise click.BadParameter(f"{text!r} is no name; write letters, digits, '.', '_' and '-'")
    return text


ON_DEMAND = ("explain", "init", "rules", "runs", "schema", "verify")  # the modules of runner/commands

SETTING = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key, such as --set training/batch_size=8; checked like the YAML. Repeatable.",
)
SPEC = click.argument("spec", type=click.Path(path_type=Path))


class Commands(click.Group):
    """A group that loads a command of `runner/commands` when it, or the list of all, is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the help."""
        return sorted([*super().list_commands(ctx), *ON_DEMAND])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name; None where there is none."""
        if cmd_name not in ON_DEMAND:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"runner.commands.{cmd_name}"), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lorarun")
def main() -> None:
    """Train a language model in two phases, all parameters and then LoRA adapters, from one YAML spec.

    \b
    lorarun validate spec.yaml    find every mistake that can be known before the run
    lorarun plan spec.yaml        show steps, tokens, learning rates, adapters and bytes
    lorarun exec spec.yaml        run the plan; type the same line again to resume

    \b
    lorarun init spec.yaml        write a commented spec to start from
    lorarun explain RULE|KEY      say what a rule reports, or what a key is
    lorarun rules                 list all rules
    lorarun schema                print the JSON Schema of a spec, for editors
    lorarun runs [DIR]            list runs with their state, step and checkpoints
    lorarun verify RUN            read a run again and say what is damaged
    lorarun lsp                   lint in an editor, while a spec is written

    Exit codes: 0 done, 1 findings, 2 invalid spec or usage, 74 storage, 75 preempted (run again),
    76 numerics, 77 adapters that do nothing, 78 resume refused, 130 stopped by a second Ctrl-C.
    """


@main.command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@SETTING
@click.option("--format", "layout", type=click.Choice(FORMATS), help="Layout of the findings. Default: text.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Least severity that exits with 1. Default: error.")
@click.option(
    "--select", multiple=True, metavar="RULES", help="Warnings and infos of these rules only: LR102,LR6,style-case."
)
@click.option("--ignore", multiple=True, metavar="RULES", help="No warnings and infos of these rules.")
@click.option("--show-skipped", is_flag=True, help="Name the rules that could not look, since what they need is wrong.")
@click.option("--fix", is_flag=True, help="Write the fixes that keep what the spec means.")
@click.option("--unsafe-fixes", is_flag=True, help="Write all fixes, also those that change what the run does.")
@click.option("--diff", is_flag=True, help="Show what fixes would change, and write nothing.")
@click.option("--stdin-filename", metavar="NAME", help="What findings call standard input, which is SPEC '-'.")
@click.option("--env", is_flag=True, help="Check against this machine too: data, disk, the run that would start.")
@click.option("--devices", type=click.IntRange(min=1), help="With --env: devices that the run will have.")
@click.option(
    "--device-memory", metavar="SIZE", callback=read_size, help="With --env: memory of one device, such as 80GiB."
)
@click.option("--run-dir", type=click.Path(path_type=Path), help="With --env: folder of the run, as for exec.")
@click.option("--restore", type=click.Path(path_type=Path), help="With --env: weights to start from, as for exec.")
@TRACEBACK
def validate(traceback: bool, **options: Any) -> None:
    """Check specs and print every finding, with place, reason and remedy.

    SPEC is a file, a folder of .yaml and .yml files, a pattern such as 'specs/**/*.yaml', or - for standard input.
    Settings are read from [tool.lorarun] of the nearest pyproject.toml above a spec.

    Exits with 0 when no finding is as bad as --fail-on, 1 when one is, 2 when a file cannot be read. With --diff:
    0 when nothing would change, 1 when something would.
    """
    with leave_cleanly(traceback):
        from runner.validate import Request, validate_specs

        if exit_code := validate_specs(Request(**options)):
            sys.exit(exit_code)


@main.command()
@SPEC
@SETTING
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text", help="Layout of the plan.")
@click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Devices to plan for.")
@TRACEBACK
def plan(spec: Path, overrides: tuple[str, ...], layout: str, devices: int, traceback: bool) -> None:
    """Show what exec would do: phases, stages, steps, tokens, learning rates, adapters, bytes, FLOPs.

    Warns when the disk of the working directory has less room than the checkpoints take.
    """
    with leave_cleanly(traceback):
        from runner.environment import default_run_dir, free_bytes
        from runner.plan import compile_plan
        from schema.environment import Environment
        from schema.lint import lint_file
        from schema.settings import read_settings

        facts = Environment(devices=devices, free_bytes=free_bytes(default_run_dir(str(spec))))
        verdict = lint_file(spec, overrides, facts, read_settings(spec))
        compiled = compile_plan(_accepted(verdict), devices)
        if layout == "json":
            write(f"{compiled.to_json()}\n")
            return
        from runner.plan_report import render_plan

        write(render_plan(compiled, spec.name))


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
@click.option(
    "--fork",
    metavar="NAME",
    callback=read_name,
    help="Start run NAME, beside this one, from the weights of this one's newest checkpoint.",
)
@TRACEBACK
def execute(spec: Path, overrides: tuple[str, ...], traceback: bool, **options: Any) -> None:
    """Run the plan. The same command resumes a run that was stopped, at the step where it stood.

    A spec that changed since is refused where what was trained depends on the change, and accepted elsewhere, with its
    changes told: `lorarun explain KEY` says which keys may. With --fork the changed spec makes a run of its own.

    Ctrl-C, SIGTERM and SIGUSR1 finish the current step, save a checkpoint and exit with 75; a second Ctrl-C stops at
    once, with 130.
    """
    from runner.impatience import ended_by_impatience
    from runner.preemption import listen

    with leave_cleanly(traceback), listen(until_exit=True) as preemption, ended_by_impatience(preemption):
        from schema.lint import load_spec
        from schema.settings import read_settings

        # What the text alone tells is said before jax is loaded.
        load_spec(spec, overrides, settings=read_settings(spec))
        with preemption.deferred():
            from runner.environment import default_run_dir
            from runner.job import ExecutionSpec
            from runner.lora_trainer import execute_spec
            from runner.quiet import quiet_writes

            run_dir, restore = _places(options["run_dir"] or default_run_dir(str(spec)), **options)
            loaded = _load_for_this_machine(spec, overrides, run_dir, restore)
        quiet_writes()
        execute_spec(ExecutionSpec(loaded, run_dir, restore))


@main.command()
@click.option("--stdio", is_flag=True, help="Accepted, since many editors pass it; there is no other way to talk.")
@TRACEBACK
def lsp(traceback: bool, stdio: bool) -> None:
    """Lint specs while they are written: a language server for editors, over standard input and output.

    Gives diagnostics, the documentation of a key under the cursor, completion of keys and choices, and the fixes of
    validate. Needs the extra lsp: pip install 'lorarun[lsp]'.
    """
    with leave_cleanly(traceback):
        from importlib.util import find_spec

        if find_spec("pygls") is None:
            raise Failure("lorarun lsp needs pygls; pip install 'lorarun[lsp]'", ExitCode.INVALID)
        from runner.lsp.server import serve

        serve()


def _places(own: Path, fork: str | None, restore: Path | None, **_: Any) -> tuple[Path, Path | None]:
    """Return where a run writes and which weights it starts from; a fork is a run beside `own`, from its weights."""
    if fork is None:
        return own, restore
    if restore is not None:
        raise Failure("--fork starts from the run itself: leave out --restore", ExitCode.INVALID)
    if own.with_name(fork) == own:
        raise Failure(f"--fork {fork} is the run itself; give the new run another name", ExitCode.INVALID)
    return own.with_name(fork), own


def _load_for_this_machine(spec: Path, overrides: tuple[str, ...], run_dir: Path, restore: Path | None) -> Spec:
    """Lint a spec with the facts of this machine; raise SpecError for errors."""
    import jax

    from runner.environment import survey
    from runner.phase import device_memory
    from schema.lint import lint_file
    from schema.settings import read_settings

    facts = survey(devices=jax.device_count(), device_bytes=device_memory(), run_dir=run_dir, restore=restore)
    return _accepted(lint_file(spec, overrides, facts, read_settings(spec)))


def _accepted(verdict: Verdict) -> Spec:
    """Return the spec of a verdict, after its warnings have been told; raise SpecError for errors."""
    from schema.diagnostic import Severity
    from schema.lint import accepted

    spec = accepted(verdict)
    warnings = [found for found in verdict.diagnostics if found.severity is Severity.WARNING]
    if warnings:
        from schema.report import render_text

        write(render_text(warnings, colour=wants_colour(sys.stderr)), err=True)
    return spec


if __name__ == "__main__":
    main()
