"""A spec that `validate` has linted, and what of its findings is new beside a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.commands.terminal import write
from schema.lint import Verdict
from schema.rules import NEED_ENVIRONMENT, duplicate_spec, rule_skipped
from schema.settings import Settings
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

if TYPE_CHECKING:
    from runner.commands.validate.baseline import Baseline

RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


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


def leave_out_known(checked: Sequence[Checked], *, write_first: bool) -> list[Checked]:
    """Return the specs without the findings that the baselines of their settings know, and say how many those are.

    With `write_first` each baseline is written before, of what is found now. Raises SettingsError, Failure STORAGE.
    """
    left = list(checked)
    for path in dict.fromkeys(spec.settings.baseline for spec in checked if spec.settings.baseline):
        assert path is not None  # which the line above leaves out
        left = _beyond(left, path, write_first)
    return left


def _beyond(checked: Sequence[Checked], path: Path, write_first: bool) -> list[Checked]:
    from runner.commands.validate.baseline import read_baseline, write_baseline

    own = [spec for spec in checked if spec.settings.baseline == path]
    if write_first:
        findings = write_baseline(path, [(spec.name, spec.verdict.diagnostics) for spec in own])
        write(f"lorarun: wrote {path} with {count(findings, 'finding')} of {count(len(own), 'file')}\n", err=True)
    baseline = read_baseline(path)
    left = [
        spec._replace(verdict=spec.verdict._replace(diagnostics=baseline.unknown(spec.verdict.diagnostics)))
        if spec.settings.baseline == path
        else spec
        for spec in checked
    ]
    known = sum(len(spec.verdict.diagnostics) for spec in checked) - sum(len(spec.verdict.diagnostics) for spec in left)
    if known and not write_first:
        are = "is" if known == 1 else "are"
        write(f"lorarun: {count(known, 'finding')} {are} left out, as {path} knows {_them(known)}\n", err=True)
    if gone := sum(_gone(baseline, spec) for spec in own):
        entries = "1 entry" if gone == 1 else f"{gone:,} entries"
        remedy = f"--write-baseline leaves {_them(gone)} out"
        write(f"lorarun: {entries} of {path} match{'es' * (gone == 1)} nothing any more; {remedy}\n", err=True)
    return left


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _gone(baseline: Baseline, spec: Checked) -> int:
    """How many entries of a spec match nothing any more, of rules that could look and are listened to."""
    verdict = spec.verdict
    if verdict.failed or verdict.document is None:
        return 0
    start = verdict.document.start
    elsewhere = {*verdict.skipped, *(rule.SLUG for rule in (*NEED_ENVIRONMENT, duplicate_spec))}
    left = baseline.unmatched(spec.name, verdict.diagnostics)
    asked = (Diagnostic(code, slug, Severity.WARNING, start, "", "") for code, slug in left if slug not in elsewhere)
    return sum(spec.settings.heard(each) is not None for each in asked)
