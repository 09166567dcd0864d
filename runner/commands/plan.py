"""`lorarun plan`: what exec would do, without doing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT, SETTING, SPEC, read_size
from runner.commands.terminal import write
from runner.commands.uncollected import uncollected


@click.command("plan")
@SPEC
@SETTING
@FORMAT
@click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Devices to plan for.")
@click.option(
    "--memory",
    metavar="SIZE",
    callback=read_size,
    help="Memory of one GPU that JAX may use, such as 18G of 24G: shows which micro-batch fits.",
)
@click.option("--env", is_flag=True, help="Fetch config and tokenizer of models that the spec names on the hub.")
@TRACEBACK
def command(spec: Path, overrides: tuple[str, ...], traceback: bool, **asked: Any) -> None:
    """Show what exec would do: phases, stages, steps, tokens, learning rates, adapters, bytes, FLOPs.

    Warns when the disk of the working directory has less room than the checkpoints take, and, with --memory, when a
    phase does not fit a device.
    """
    layout, devices, memory = asked["layout"], asked["devices"], asked["memory"]
    with leave_cleanly(traceback), uncollected():
        from dataclasses import asdict

        from runner.commands.accepted import report_warnings
        from runner.commands.fetched import fetch_named
        from runner.data.gguf_vocabulary import survey_gguf
        from runner.data.planned import draw_stage
        from runner.environment import believed_stores, deciding_stores, free_bytes, known_data, survey_reading
        from runner.plan.compile import compile_plan
        from runner.report.ledger import ledger_of_stores, render_ledger
        from runner.run.layout import default_run_dir
        from runner.run.record import recorded
        from runner.weights.remarks import check_pretrained
        from schema.document import Document
        from schema.environment import Environment
        from schema.lint import lint_file
        from schema.settings import read_settings

        run_dir = default_run_dir(str(spec))
        facts = Environment(devices=devices, device_bytes=memory, free_bytes=free_bytes(run_dir))

        def look(document: Document) -> Environment:
            reading = survey_reading(document)
            gguf, stores = survey_gguf(document, reading.tokenizer), deciding_stores(document)
            known = facts._replace(tokenizer=reading.tokenizer, chat=reading.obstacle, gguf=gguf)
            return known if stores is None else known._replace(datasets=stores, draw=draw_stage)

        settings, known = read_settings(spec), recorded(run_dir)
        if asked["env"]:
            known = fetch_named(lint_file(spec, overrides, None, settings, known), known)
        verdict = lint_file(spec, overrides, look, settings, known)
        accepted = report_warnings(verdict)
        if verdict.document and (remark := check_pretrained(accepted, verdict.document)):
            write(f"lorarun: {remark}\n", err=True)
        data = known_data(accepted, memory)
        if verdict.document:
            data = data._replace(datasets=believed_stores(verdict.document, data.datasets))
        compiled = compile_plan(accepted, devices, data)
        ledger = [asdict(line) for line in ledger_of_stores(accepted, compiled, data)]
        if layout == "json":
            from schema.formats import json_text

            write(json_text(asdict(compiled) | {"ledger": ledger}))
            return
        from runner.plan.printing import render_plan

        write(render_plan(compiled, spec.name))
        if any(line["planned"] for line in ledger):
            write(f"\nLedger\n{render_ledger(ledger)}")
