"""`lorarun rules`: the table of all rules."""

from __future__ import annotations

import click

from runner.commands.exits import TRACEBACK, leave_cleanly


@click.command("rules")
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text", help="Layout of the table.")
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
    import json

    from runner.commands.terminal import write
    from schema.docs.rules import needs_machine, summary
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
    write(json.dumps(table, indent=2) + "\n")
