"""The work of `lorarun validate`: lint every spec that is named, fix or show the fixes, report, and say how it went."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.commands.terminal import wants_colour, write
from runner.commands.validate.checked import Checked, leave_out_known
from runner.commands.validate.request import Request, check_usage, settings_of
from runner.commands.validate.spec_files import STDIN, find_specs, pass_on, read_spec, rewrite
from runner.failure import ExitCode
from schema.document import NOTHING_RECORDED, Recorded
from schema.formats import Report, load_format
from schema.lint import Verdict, accepted, lint_bytes
from schema.rules import duplicate_spec
from schema.text.diagnostic import Diagnostic, UnreadableSpec
from schema.text.wording import count

if TYPE_CHECKING:
    from schema.lint import Facts

BOM = "\ufeff"
FOR_PROGRAMS = ("json", "sarif")


def validate_specs(request: Request) -> ExitCode:
    """Do what `validate` was asked, and return its exit code.

    Raises click.UsageError for options that don't go together, SettingsError for a setting that means nothing,
    Failure STORAGE where a fixed file can't be written.
    """
    check_usage(request)
    names, complaints = find_specs(request.specs)
    checked = list(_checked(request, names, complaints))
    if request.layout != "json":  # which has them among its errors
        for complaint in complaints:
            write(f"lorarun: {complaint}\n", err=True)
    if request.diff:
        failed = _show_differences(checked)
    else:
        checked = leave_out_known(_compared(checked), write_first=request.write_baseline)
        failed = any(spec.failed for spec in checked)
        _report(request, checked, complaints, err=request.writes and STDIN in names)
    return ExitCode.INVALID if complaints else ExitCode.FINDINGS if failed else ExitCode.DONE


def _checked(request: Request, names: Sequence[str], complaints: list[str]) -> Iterator[Checked]:
    """Lint one spec after the other, and write its fixes when asked; what can't be read becomes a complaint."""
    shown = {source: _shown(request, source) for source in names}
    # All settings are read before the first fix is written, once a folder.
    folders = {_folder(name): name for name in shown.values()}
    known = {folder: settings_of(request, name) for folder, name in folders.items()}
    if request.write_baseline and not all(settings.baseline for settings in known.values()):
        raise click.UsageError("--write-baseline needs a file; name it with --baseline FILE, or in pyproject.toml")
    facts = _facts(request)
    for source, name in shown.items():
        settings = known[_folder(name)].of_file(Path(name))
        try:
            data = read_spec(source)
        except UnreadableSpec as error:
            complaints.append(str(error))
            continue
        recorded = _recorded(request, name)
        lint = partial(lint_bytes, name=name, environment=facts, settings=settings, recorded=recorded)
        if not request.fixes:
            checked = Checked(source, name, settings, lint(data, overrides=request.overrides))
        else:
            checked = _fixed(Checked(source, name, settings, lint(data)), data, lint, request.unsafe_fixes)
            if request.writes:
                _write(checked, data)
            data = checked.after.encode("utf-8") or data
        if request.env and not request.diff:
            again = partial(lint, data, overrides=request.overrides)
            checked = checked._replace(verdict=_rehearsed(request, checked, recorded, again))
        yield checked


def _rehearsed(request: Request, spec: Checked, recorded: Recorded, lint: Callable[..., Verdict]) -> Verdict:
    """Lint a spec again with what `exec` would refuse of it here: all of that where the linter accepts it."""
    document = spec.verdict.document
    if document is None or document.environment is None:
        return spec.verdict
    if spec.verdict.failed or not document.available(""):  # of a model that is not here, nobody knows the shape
        from runner.commands.validate.rehearsal import rehearse_unaccepted

        return lint(environment=rehearse_unaccepted(document, document.environment))
    from runner.commands.validate.rehearsal import rehearse
    from runner.run.execution import ExecutionSpec
    from runner.run.layout import default_run_dir

    run_dir = request.run_dir or default_run_dir(spec.name)
    execution = ExecutionSpec(accepted(spec.verdict), run_dir, request.restore, recorded.pins)
    return lint(environment=rehearse(execution, document.environment))


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
    from runner.commands.validate.rehearsal.devices import Devices, find_devices
    from runner.commands.validate.rehearsal.refusals import refusal
    from runner.environment import survey

    found = find_devices() if request.devices is None else Devices(request.devices)
    look = survey(
        devices=found.number,
        device_bytes=request.device_memory or found.bytes,
        platform=found.platform,
        run_dir=request.run_dir,
        restore=request.restore,
    )
    if found.refusal is None:
        return look
    refused = (refusal(found.refusal, "mesh"),)
    return lambda document: look(document)._replace(refused=refused)


def _recorded(request: Request, name: str) -> Recorded:
    """What the run of a spec noted of its model, where this machine is looked at."""
    if not request.env:
        return NOTHING_RECORDED
    from runner.run.layout import default_run_dir
    from runner.run.record import recorded

    return recorded(request.run_dir or default_run_dir(name))


def _fixed(spec: Checked, data: bytes, lint: Callable[[bytes], Verdict], unsafe: bool) -> Checked:
    """Apply the fixes of a spec to its text, also those after which it can be read."""
    if not any(found.fix for found in spec.verdict.diagnostics):
        return spec
    from schema.fixes.apply import fix_text

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


def _report(request: Request, checked: Sequence[Checked], complaints: Sequence[str], err: bool) -> None:
    """Print the findings of all specs; where none could be read, programs alone are told so once more."""
    if not checked and request.layout not in FOR_PROGRAMS:
        return
    found = [finding for spec in checked for finding in spec.verdict.diagnostics]
    errors = _errors(complaints) if complaints else []
    report = Report(found, len(checked), wants_colour(sys.stderr if err else sys.stdout), errors)
    write(load_format(request.layout or "text").render(report), err=err)


def _errors(complaints: Sequence[str]) -> list[dict[str, Any]]:
    """What could not be read, for programs."""
    from runner.commands.refusal import as_object

    return [as_object(UnreadableSpec(complaint)) for complaint in complaints]
