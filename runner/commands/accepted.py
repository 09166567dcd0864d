"""The spec of a verdict: errors refuse it, warnings are printed first."""

from __future__ import annotations

import sys
from collections.abc import Collection

from runner.commands.terminal import wants_colour, write
from schema.lint import Verdict, accepted
from schema.rules import contrastive_untrained
from schema.spec import Spec
from schema.text.diagnostic import Severity

UNTRAINED = (contrastive_untrained.SLUG,)  # refused where a run trains on data, and not where they are made or shown


def report_warnings(verdict: Verdict, passed: Collection[str] = ()) -> Spec:
    """Return the spec of a verdict, after printing its warnings; raise SpecError for errors of rules not `passed`."""
    spec = accepted(verdict, passed)
    warnings = [found for found in verdict.diagnostics if found.severity is Severity.WARNING]
    if warnings:
        from schema.formats import render_text

        write(render_text(warnings, colour=wants_colour(sys.stderr)), err=True)
    return spec
