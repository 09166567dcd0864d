"""What the command line of `lorarun validate` asks, and with which settings each spec is linted for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from runner.commands.validate.spec_files import STDIN
from schema.settings import Settings, check_names, check_quiet, folder_settings
from schema.text.diagnostic import Severity


class Request(NamedTuple):
    """What the command line asks, one field an option. `fail_on` and `layout` are None where it does not say."""

    specs: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    layout: str | None = None
    stdin_filename: str | None = None
    fail_on: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    show_skipped: bool = False
    baseline: Path | None = None
    write_baseline: bool = False
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    env: bool = False
    devices: int | None = None
    device_memory: int | None = None
    run_dir: Path | None = None
    restore: Path | None = None

    @property
    def fixes(self) -> bool:
        """Whether fixes are made: written, or shown with `diff`."""
        return self.fix or self.unsafe_fixes or self.diff

    @property
    def writes(self) -> bool:
        """Whether fixes are written."""
        return self.fixes and not self.diff


def check_usage(request: Request) -> None:
    """Refuse options that contradict each other or would do nothing. Raises click.UsageError, SettingsError."""
    if request.overrides and request.fixes:
        raise click.UsageError("--set changes what is read, so fixes of the file can't be asked with it")
    if request.diff and request.layout:
        raise click.UsageError("--diff prints a diff, so --format has no meaning with it")
    if request.stdin_filename is not None and STDIN not in request.specs:
        raise click.UsageError("--stdin-filename names standard input, and no SPEC is '-'")
    if request.write_baseline and request.fixes:
        raise click.UsageError("--write-baseline takes the findings as they are, so fixes can't be asked with it")
    if request.write_baseline and (request.select or request.ignore):
        raise click.UsageError("--write-baseline takes all findings, so --select and --ignore can't be asked with it")
    check_names(_split(request.select), "--select")
    check_names(_split(request.ignore), "--ignore")
    check_quiet(_split(request.ignore), "--ignore")
    facts: dict[str, object] = {"devices": request.devices, "device-memory": request.device_memory}
    facts |= {"run-dir": request.run_dir, "restore": request.restore}
    given = [name for name, value in facts.items() if value is not None]
    if given and not request.env:
        raise click.UsageError(f"--{given[0]} describes a machine, and only --env looks at one")


def settings_of(request: Request, spec: str) -> Settings:
    """The settings of a spec's folder, with what the command line says over them. Raises SettingsError."""
    settings, select = folder_settings(Path(spec)), _split(request.select)
    if select:
        settings = settings._replace(select=select, ignore=())
    return settings._replace(
        ignore=(*settings.ignore, *_split(request.ignore)),
        fail_on=Severity(request.fail_on) if request.fail_on else settings.fail_on,
        show_skipped=request.show_skipped,
        baseline=request.baseline or settings.baseline,
    )


def _split(lists: Sequence[str]) -> tuple[str, ...]:
    """Split lists with commas: LR102,LR6."""
    return tuple(name.strip() for names in lists for name in names.split(",") if name.strip())
