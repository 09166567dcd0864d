"""`lorarun exec`: the plan, run on all devices; the same line resumes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.commands.exits import TRACEBACK, last_words, leave_cleanly
from runner.commands.options import FORMAT, SETTING, SPEC
from runner.failure import ExitCode, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema.lint import Facts, Verdict
    from schema.spec import Spec


def read_name(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """Read the name of a folder beside another one, which must not lead anywhere else."""
    if text is not None and not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text):
        raise click.BadParameter(f"{text!r} is no name; write letters, digits, '.', '_' and '-'")
    return text


@click.command("exec")
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
@FORMAT
@TRACEBACK
def command(spec: Path, overrides: tuple[str, ...], traceback: bool, **options: Any) -> None:
    """Run the plan. The same command resumes a run that was stopped, at the step where it stood.

    A spec that changed since is refused where what was trained depends on the change, and accepted elsewhere, with its
    changes shown: `lorarun explain KEY` says which keys may. With --fork the changed spec makes a run of its own.

    Ctrl-C, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM and SIGXCPU finish the current step, save a checkpoint and exit
    with 75; under nohup SIGHUP does nothing. A second Ctrl-C stops at once, with 130.

    With --format json standard output has one object at the end, and the lines for people go to standard error.
    """
    from runner.process.impatience import ended_by_impatience
    from runner.process.preemption import listen
    from runner.process.surroundings import start_jax

    with (
        leave_cleanly(traceback),
        listen(until_exit=True) as preemption,
        ended_by_impatience(preemption, *last_words()),
    ):
        from runner.commands.fetched import fetch_named, pin_data
        from runner.run.layout import checkpoints_of, default_run_dir, is_run
        from runner.run.record import recorded
        from schema.lint import accepted, lint_file
        from schema.settings import read_settings

        run_dir, restore = _places(options["run_dir"] or default_run_dir(str(spec)), **options)
        # Findings of the text alone are reported before anything is fetched and jax is loaded.
        known, settings = recorded(run_dir if is_run(run_dir) else restore or run_dir), read_settings(spec)
        verdict = lint_file(spec, overrides, settings=settings, recorded=known)
        accepted(verdict)
        begins = not checkpoints_of(run_dir)
        known = fetch_named(verdict, known, model=begins, weights=begins and not restore)
        known = pin_data(verdict, known)
        with preemption.deferred():
            start_jax()
            from runner.files.orbax_noise import quiet_writes
            from runner.metrics.console import RunConsole
            from runner.run.execution import ExecutionSpec
            from runner.train.lora_trainer import execute_spec

            loaded = _accept(lambda facts: lint_file(spec, overrides, facts, settings, known), run_dir, restore)
        quiet_writes()
        as_json = options["layout"] == "json"
        execute_spec(ExecutionSpec(loaded, run_dir, restore, known.pins), RunConsole(stderr=True) if as_json else None)
        if as_json:
            _write_summary(run_dir)


def _write_summary(run_dir: Path) -> None:
    """Write what a run came to, and what lies in its export; one process of several does."""
    from runner.commands.terminal import write
    from runner.distributed import writes
    from runner.report.summary import read_summary
    from runner.run.layout import EXPORT
    from schema.formats import json_text

    if writes():
        folder = run_dir / EXPORT
        exported = sorted(str(part) for part in folder.iterdir() if part.is_dir()) if folder.is_dir() else []
        write(json_text({"run_dir": str(run_dir), "exported": exported, "summary": read_summary(run_dir)}))


def _places(own: Path, fork: str | None, restore: Path | None, **_: Any) -> tuple[Path, Path | None]:
    """Return where a run writes and which weights it starts from; a fork is a run beside `own`, from its weights."""
    if fork is None:
        return own, restore
    if restore is not None:
        raise Failure("--fork starts from the run itself; leave out --restore", ExitCode.INVALID)
    if own.with_name(fork) == own:
        raise Failure(f"--fork {fork} is the run itself; give the new run another name", ExitCode.INVALID)
    return own.with_name(fork), own


def _accept(lint: Callable[[Facts], Verdict], run_dir: Path, restore: Path | None) -> Spec:
    """Lint a spec with the facts of this machine; raise SpecError for errors."""
    import jax

    from runner.commands.accepted import report_warnings
    from runner.environment import survey
    from runner.train.compiled import device_memory

    facts = survey(
        devices=jax.device_count(),
        device_bytes=device_memory(),
        platform=jax.default_backend(),
        run_dir=run_dir,
        restore=restore,
    )
    return report_warnings(lint(facts))
