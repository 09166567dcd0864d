"""What a finished run has to say, read from its own records: `summary.json`, and a few lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from runner.checkpoint.intact import verify
from runner.failure import Failure
from runner.files.digested_json import read_json, write_facts
from runner.files.seal import Damaged, check_seal
from runner.metrics.jsonl import METRICS, read_records
from runner.plan.plan import Plan
from runner.report.ledger import TakenData, differences, ledger_sentences, render_ledger
from runner.run.layout import CHECKPOINTS, EXPORT, SUMMARY
from schema.spec import Spec
from schema.text.wording import count


def read_summary(run_dir: Path) -> dict[str, Any] | None:
    """Return the summary of a run that came to its end, None before. Raises Failure STORAGE when it is damaged."""
    path = run_dir / SUMMARY
    try:
        return read_json(path) if path.exists() else None
    except Failure as failure:
        remedy = f"remove {SUMMARY} and run the same command again, which writes it again"
        raise Failure(f"{failure}; {remedy}", failure.exit_code) from failure


def is_finished(run_dir: Path, summary: Mapping[str, Any], plan: Plan, spec: Spec) -> bool:
    """Whether the run of a summary is all of this plan, scored and exported as this spec asks, and still whole."""
    if summary["export"] != exporting(spec, plan) or summary["scoring"] != _scoring(spec):
        return False
    same = summary["plan_digest"] == _noted_plan(run_dir) == plan.digest
    return same and _is_exported(run_dir, summary) and _is_whole(run_dir / CHECKPOINTS / str(plan.steps))


def _is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is intact, every byte of it, with its base."""
    try:
        verify(checkpoint)
    except Failure:
        return False
    return True


def _noted_plan(run_dir: Path) -> str | None:
    """Digest of the plan that lies in a run directory; None where that is missing or damaged."""
    try:
        return str(read_json(run_dir / "plan.json")["digest"])
    except (Failure, KeyError):
        return None


def _is_exported(run_dir: Path, summary: Mapping[str, Any]) -> bool:
    """Whether what lies in `export` is what a summary says, of the weights that it says, every byte of it."""
    if not summary["export"]:
        return True
    try:
        facts = check_seal(run_dir / EXPORT).facts
    except Damaged:
        return False
    return all(facts.get(name) == summary[name] for name in ("export", "weights_digest"))


def write_summary(
    run_dir: Path, spec: Spec, plan: Plan, taken: TakenData, digests: Mapping[str, str | None]
) -> dict[str, Any]:
    """Collect the summary from `metrics.jsonl` and the ledger, and write it; its presence means finished.

    `digests` name what was trained, such as `weights_digest`. Raises OSError.
    """
    ledger = taken.counted
    records, strange_lines = read_records(run_dir)
    summary = {
        "steps": plan.steps,
        "tokens": plan.tokens,
        "plan_digest": plan.digest,
        "scoring": _scoring(spec),
        "export": exporting(spec, plan),
        **digests,
        "token_digest": ledger.token_digest,
        "datasets": {
            name: asdict(counts) | taken.left_out.get(name, {}) for name, counts in sorted(ledger.counts.items())
        },
        "ledger": [asdict(line) for line in taken.lines],
        "ledger_differences": list(differences(taken.lines, ledger)),
        "phases": {phase.name: phase_losses(records, phase.name) for phase in plan.phases},
        "strange_lines": strange_lines,
    }
    write_facts(run_dir / SUMMARY, summary)
    return summary


def print_summary(console: Console, run_dir: Path, summary: dict[str, Any]) -> None:
    """Print steps, losses by phase, the ledger as planned and as counted, and where things lie."""
    console.print(f"done: {summary['steps']:,} steps, {summary['tokens']:,} tokens")
    losses = Table(box=None, pad_edge=False)
    for title in ("phase", "train loss: first", "last"):
        losses.add_column(title, justify="left" if title == "phase" else "right")
    datasets = list(dict.fromkeys(name for phase in summary["phases"].values() for name in phase["validation_loss"]))
    for dataset in datasets:
        losses.add_column(f"validation: {dataset}", justify="right")
    for name, phase in summary["phases"].items():
        scores = [phase["validation_loss"].get(dataset) for dataset in datasets]
        losses.add_row(name, *(_loss(loss) for loss in (*phase["train_loss"], *scores)))
    console.print(losses)
    if "ledger" in summary:
        console.print(render_ledger(summary["ledger"]), end="", soft_wrap=True)
    for sentence in ledger_sentences(summary):
        console.print(sentence, soft_wrap=True)
    if strange := summary["strange_lines"]:
        console.print(
            f"left out here: {count(strange, 'line')} of {run_dir / METRICS} without a record", soft_wrap=True
        )
    exported = f" {EXPORT}/," if summary["export"] else ""
    console.print(f"{run_dir}: checkpoints/,{exported} metrics.jsonl, tensorboard/, {SUMMARY}", soft_wrap=True)


def _scoring(spec: Spec) -> dict[str, Any]:
    """The keys that decide how a run is scored; they may change after it, and then its end is scored again."""
    training = spec.training
    return {
        "validation": training.validation,
        "validation_steps": training.validation_steps,
        "evaluations": spec.eval.evaluations if training.evaluate else [],
    }


def exporting(spec: Spec, plan: Plan) -> dict[str, Any]:
    """What is exported, and how; it may change after the run, and then that is done again."""
    asked = spec.export.model_dump(mode="json")
    adapter = asked["adapter"] and plan.phases[-1].name == "lora"
    return {**asked, "adapter": adapter} if asked["merged"] or asked["gguf"] or adapter else {}


def phase_losses(records: list[dict[str, Any]], phase: str) -> dict[str, Any]:
    """Return the first and last reported train loss of a phase, and each dataset's last validation loss in it.

    A step without a loss, which had no supervised token or was not finite, is neither.
    """
    own = [record for record in records if record["event"] == "train" and record["phase"] == phase]
    train = [record["loss"] for record in own if record["loss"] is not None]
    validation = {
        record["dataset"]: record["loss"]
        for record in records
        if record["event"] == "validation" and record["phase"] == phase
    }
    return {"train_loss": [train[0], train[-1]] if train else [None, None], "validation_loss": validation}


def _loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"
