"""A spec that `validate` has linted, and what of its findings is new beside a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from runner.commands.terminal import write
from schema.lint import Verdict
from schema.rules import rule_skipped
from schema.settings import Settings
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import count

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
        write(f"lorarun: {path} knows {count(known, 'finding')} that you don't see here\n", err=True)
    return left
