"""`lorarun rules`: the table of all rules."""

from __future__ import annotations

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT


@click.command("rules")
@FORMAT
@TRACEBACK
def command(layout: str, traceback: bool) -> None:
    """List every rule: code, name, severity, what it reports.

    Rules marked --env need facts of the machine: validate --env looks for them, and exec always does.
    """
    with leave_cleanly(traceback):
        if layout == "json":
            _write_json()
        else:
            _write_text()


def _write_text() -> None:
    from runner.commands.output import write_table
    from schema.docs.rules import needs_machine, summary
    from schema.rules import RULES

    marks = {rule.CODE: " (--env)" if needs_machine(rule) else "" for rule in RULES}
    rows = [(rule.CODE, rule.SLUG, str(rule.SEVERITY), summary(rule) + marks[rule.CODE]) for rule in RULES]
    write_table(rows)


def _write_json() -> None:
    from runner.commands.terminal import write
    from schema.docs.rules import needs_machine, summary
    from schema.formats import json_text
    from schema.rules import RULES

    table = [
        {
            "code": rule.CODE,
            "slug": rule.SLUG,
            "severity": rule.SEVERITY,
            "summary": summary(rule),
            "needs_environment": needs_machine(rule),
        }
        for rule in RULES
    ]
    write(json_text({"rules": table}))
