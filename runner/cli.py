"""The commands of `lorarun`, one a file in `runner/commands`; each is loaded when it is called.

Every refusal leaves by one door: a sentence on stderr and the exit code that `runner.failure` documents.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from runner.commands.exits import AS_JSON, UsageRefusal, asks_for_json, leave_cleanly
from runner.commands.terminal import help_read_or_not
from runner.failure import ExitCode
from runner.process.surroundings import forgive_warnings, open_closed_streams

COMMANDS = (
    *("data", "exec", "explain", "generate", "guide", "init", "lsp", "plan", "prepare", "rules", "runs", "schema"),
    *("validate", "verify"),
)


class Commands(click.Group):
    """A group that loads a command of `runner/commands` when it, or the list of all, is asked for."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line, in surroundings in which it can."""
        open_closed_streams()
        forgive_warnings()
        given = options.get("args", next(iter(arguments), None))
        asked = sys.argv[1:] if given is None else list(given)
        with leave_cleanly("--traceback" in asked, asks_for_json(asked)):
            return super().main(*arguments, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"runner.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; of one that there is not, the nearest ones are named."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, None, COMMANDS, ctx) from error

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the command, and whether all of the line asks for JSON."""
        as_json, traceback = asks_for_json(args), "--traceback" in args
        try:
            with help_read_or_not():
                context = super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            raise UsageRefusal(error, as_json) from error
        context.meta[AS_JSON] = as_json
        context.meta[TRACEBACK] = traceback
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Load the command, read its options, run it: what goes wrong before it starts leaves by the same door."""
        with leave_cleanly(ctx.meta[TRACEBACK]), help_read_or_not():
            return super().invoke(ctx)


TRACEBACK = "runner.cli.traceback"  # among what click's contexts share
HELP = """
Train a language model in two phases, all parameters and then LoRA adapters, from one YAML spec.

\b
lorarun validate spec.yaml    find every mistake that can be known before the run
lorarun plan spec.yaml        show steps, tokens, learning rates, adapters and bytes
lorarun exec spec.yaml        run the plan; type the same line again to resume
lorarun generate RUN          write what the model of a run says to a prompt

\b
lorarun init spec.yaml        write a commented spec to start from
lorarun prepare spec.yaml     make its token stores, without an accelerator
lorarun data spec.yaml        show rows as the model will see them
lorarun explain RULE|KEY      say what a rule reports, or what a key is
lorarun rules                 list all rules
lorarun schema                print the JSON Schema of a spec, for editors
lorarun runs [DIR]            list runs with their state, step and checkpoints
lorarun verify RUN            read a run again and say what is damaged
lorarun lsp                   lint in an editor, while a spec is written
lorarun guide                 print all that is needed to use this, for agents too

\b
Exit codes:
""" + "\n".join(f"{code:>5}  {code.meaning.replace('`', '')}" for code in ExitCode)


@click.group(cls=Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lorarun")
def main() -> None:
    """Run the command that is named."""


if __name__ == "__main__":
    main()
