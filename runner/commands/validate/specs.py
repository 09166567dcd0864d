"""The work of `lorarun validate`: lint every spec that is named, fix or show the fixes, report, and say how it went."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from runner.commands.terminal import wants_colour, write
from runner.commands.validate.spec_files import STDIN, find_specs, pass_on, read_spec, rewrite
from runner.failure import ExitCode
from schema.document import NOTHING_RECORDED, Recorded
from schema.fixes.apply import fix_text
from schema.formats import Report, load_format
from schema.lint import Verdict, lint_bytes
from schema.rules import duplicate_spec, rule_skipped
from schema.settings import Settings, check_names, check_quiet, read_settings
from schema.text.diagnostic import Diagnostic, Severity, UnreadableSpec
from schema.text.wording import count

if TYPE_CHECKING:
    from schema.lint import Facts

BOM = "\ufeff"
RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


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


class Checked(NamedTuple):
    """One spec: the verdict on its text, with fixes where they were asked; `fixed` are the findings that are gone.

    `source` is the file or `-`, `name` what findings call it; `before` and `after` are the texts of a diff.
    """

    source: str
    name: str
    settings: Settings
    verdict: Verdict
    before: str = ""
    after: str = ""
    fixed: tuple[Diagnostic, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is a finding at or above the severity that the settings fail on; a rule left out is none."""
        findings = [found for found in self.verdict.diagnostics if found.slug != rule_skipped.SLUG]
        return any(RANKS[found.severity] >= RANKS[self.settings.fail_on] for found in findings)

    def with_findings(self, found: Iterable[Diagnostic]) -> Checked:
        """Return this spec with more findings, as far as its settings want to hear them."""
        heard = [finding for finding in map(self.settings.heard, found) if finding is not None]
        diagnostics = sorted((*self.verdict.diagnostics, *heard), key=lambda each: (each.span.start, each.code))
        return self._replace(verdict=self.verdict._replace(diagnostics=tuple(diagnostics)))


def validate_specs(request: Request) -> ExitCode:
    """Do what `validate` was asked, and return its exit code.

    Raises click.UsageError for options that don't go together, SettingsError for a setting that means nothing,
    Failure STORAGE where a fixed file can't be written.
    """
    _check_usage(request)
    names, complaints = find_specs(request.specs)
    checked = list(_checked(request, names, complaints))
    for complaint in complaints:
        write(f"lorarun: {complaint}\n", err=True)
    if request.diff:
        failed = _show_differences(checked)
    else:
        checked = _compared(checked)
        failed = any(spec.failed for spec in checked)
        _report(request, checked, err=request.writes and STDIN in names)
    return ExitCode.INVALID if complaints else ExitCode.FINDINGS if failed else ExitCode.DONE


def _check_usage(request: Request) -> None:
    """Refuse options that contradict each other or would do nothing."""
    if request.overrides and request.fixes:
        raise click.UsageError("--set changes what is read, so fixes of the file can't be asked with it")
    if request.diff and request.layout:
        raise click.UsageError("--diff prints a diff, so --format has no meaning with it")
    if request.stdin_filename is not None and STDIN not in request.specs:
        raise click.UsageError("--stdin-filename names standard input, and no SPEC is '-'")
    check_names(_split(request.select), "--select")
    check_names(_split(request.ignore), "--ignore")
    check_quiet(_split(request.ignore), "--ignore")
    facts: dict[str, object] = {"devices": request.devices, "device-memory": request.device_memory}
    facts |= {"run-dir": request.run_dir, "restore": request.restore}
    given = [name for name, value in facts.items() if value is not None]
    if given and not request.env:
        raise click.UsageError(f"--{given[0]} describes a machine, and only --env looks at one")


def _checked(request: Request, names: Sequence[str], complaints: list[str]) -> Iterator[Checked]:
    """Lint one spec after the other, and write its fixes when asked; what can't be read becomes a complaint."""
    facts, shown = _facts(request), {source: _shown(request, source) for source in names}
    # All settings are read before the first fix is written, once a folder.
    folders = {_folder(name): name for name in shown.values()}
    known = {folder: _settings(request, name) for folder, name in folders.items()}
    for source, name in shown.items():
        settings = known[_folder(name)]
        try:
            data = read_spec(source)
        except UnreadableSpec as error:
            complaints.append(str(error))
            continue
        lint = partial(lint_bytes, name=name, environment=facts, settings=settings, recorded=_recorded(request, name))
        if not request.fixes:
            yield Checked(source, name, settings, lint(data, overrides=request.overrides))
            continue
        checked = _fixed(Checked(source, name, settings, lint(data)), data, lint, request.unsafe_fixes)
        if request.writes:
            _write(checked, data)
        yield checked


def _compared(checked: list[Checked]) -> list[Checked]:
    """Add what only a look at all specs shows: those that run the same thing."""
    documents = [spec.verdict.document for spec in checked if spec.verdict.document is not None]
    found = list(duplicate_spec.compare(documents))
    return [spec.with_findings(each for each in found if each.span.origin.name == spec.name) for spec in checked]


def _shown(request: Request, source: str) -> str:
    """What findings call a spec."""
    return (request.stdin_filename or "<stdin>") if source == STDIN else source


def _folder(name: str) -> Path:
    return Path(name).absolute().parent


def _facts(request: Request) -> Facts | None:
    if not request.env:
        return None
    from runner.environment import survey

    return survey(
        devices=request.devices,
        device_bytes=request.device_memory,
        run_dir=request.run_dir,
        restore=request.restore,
    )


def _recorded(request: Request, name: str) -> Recorded:
    """What the run of a spec noted of its model, where this machine is looked at."""
    if not request.env:
        return NOTHING_RECORDED
    from runner.run.layout import default_run_dir
    from runner.run.record import recorded

    return recorded(request.run_dir or default_run_dir(name))


def _settings(request: Request, spec: str) -> Settings:
    """The settings of a spec's folder, with what the command line says over them."""
    settings, select = read_settings(Path(spec)), _split(request.select)
    if select:
        settings = settings._replace(select=select, ignore=())
    return settings._replace(
        ignore=(*settings.ignore, *_split(request.ignore)),
        fail_on=Severity(request.fail_on) if request.fail_on else settings.fail_on,
        show_skipped=request.show_skipped,
    )


def _split(lists: Sequence[str]) -> tuple[str, ...]:
    """Split lists with commas: LR102,LR6."""
    return tuple(name.strip() for names in lists for name in names.split(",") if name.strip())


def _fixed(spec: Checked, data: bytes, lint: Callable[[bytes], Verdict], unsafe: bool) -> Checked:
    """Apply the fixes of a spec to its text; a text that can't be read has none."""
    if spec.verdict.document is None:
        return spec
    text = data.decode("utf-8")
    mark = BOM if text.startswith(BOM) else ""
    fixed = fix_text(text.removeprefix(BOM), lambda text: lint(text.encode("utf-8")), unsafe)
    return spec._replace(verdict=fixed.verdict, before=text, after=mark + fixed.text, fixed=fixed.applied)


def _write(spec: Checked, data: bytes) -> None:
    """Write the fixed text where the spec came from, and say what was fixed."""
    if spec.source == STDIN:
        pass_on(spec.after.encode("utf-8") if spec.fixed else data)
    elif spec.fixed:
        rewrite(spec.source, spec.after.encode("utf-8"))
    if spec.fixed:
        write(f"lorarun: {spec.name}: fixed {_listed(spec.fixed)}\n", err=True)


def _listed(fixed: Sequence[Diagnostic]) -> str:
    """Name the rules of some findings, and how many there are of each: LR005 number-as-text (2)."""
    times = Counter(f"{found.code} {found.slug}" for found in fixed)
    return ", ".join(f"{rule} ({number})" if number > 1 else rule for rule, number in sorted(times.items()))


def _show_differences(checked: Sequence[Checked]) -> bool:
    """Print what fixes would change, and say on stderr how much; return whether it is anything."""
    from schema.fixes.difference import difference, tinted
    from schema.text.secrets import hide

    changed = [spec for spec in checked if spec.fixed]
    for spec in changed:
        diff = difference(spec.name, hide(spec.before)[0], hide(spec.after)[0])
        write(tinted(diff) if wants_colour(sys.stdout) else diff)
    findings = sum(len(spec.fixed) for spec in changed)
    would = f"{count(findings, 'finding')} in {count(len(changed), 'file')} would be fixed"
    write(f"lorarun: {would if changed else 'nothing would be fixed'}\n", err=True)
    return bool(changed)


def _report(request: Request, checked: Sequence[Checked], err: bool) -> None:
    """Print the findings of all specs; nothing where none could be read."""
    if not checked:
        return
    found = [finding for spec in checked for finding in spec.verdict.diagnostics]
    report = Report(found, files=len(checked), colour=wants_colour(sys.stderr if err else sys.stdout))
    write(load_format(request.layout or "text").render(report), err=err)
