"""What follows the last step of a run: its adapters must have learned something, its export, its summary."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

from runner.checkpoint.arrays import tree_digest
from runner.data.batch import train_batch
from runner.data.catalog import Catalog
from runner.data.loader import Batch, train_batches
from runner.export.export import Trained, export_run, wants_export
from runner.export.parity import print_report
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_json
from runner.files.seal import Damaged, sealed_facts
from runner.huggingface.tokenizer import without_files
from runner.lora.adapters import idle_adapters
from runner.plan.plan import Plan
from runner.report.ledger import taken_data
from runner.report.summary import exporting, print_summary, write_summary
from runner.run.layout import EXPORT, SUMMARY
from runner.run.record import origin_of
from runner.run.versions import library_versions
from runner.train.session import Session
from runner.train.trainer import BaseTrainer
from schema.spec import Spec


def finish(trainer: BaseTrainer, session: Session) -> None:
    """Check what a run has trained, export it, and write its summary, whose presence means finished.

    Raises Failure EXPORT, STORAGE, and FINDINGS where other rows were counted than planned; KeyboardInterrupt when a
    signal came meanwhile.
    """
    if trainer._in_lora_phase:
        check_adapters(trainer.state.params)
    digests = {"base_digest": trainer.progress.base_digest, "weights_digest": tree_digest(trainer.state.params)}
    export(trainer, session.catalog, digests)
    session.preemption.check()
    if session.lines is not None:
        run_dir, spec = trainer.spec.run_dir, trainer.spec.spec
        taken = taken_data(session.catalog, trainer.plan, spec, trainer.progress.ledger)
        summary = write_summary(run_dir, spec, trainer.plan, taken, digests)
        print_summary(trainer.console, run_dir, summary)
        if summary["ledger_differences"]:
            raise Failure(
                f"{run_dir} has not taken what was planned; this is a mistake of lorarun, and none of yours: please "
                f"report it with {SUMMARY} and plan.json",
                ExitCode.FINDINGS,
            )


def export(trainer: BaseTrainer, catalog: Catalog, digests: Mapping[str, str | None]) -> None:
    """Write what the section `export` asks for, proven on rows of the last step. Raises Failure EXPORT, STORAGE."""
    run_dir, spec, state = trainer.spec.run_dir, trainer.spec.spec, trainer.state
    has_adapters = trainer._in_lora_phase
    if not wants_export(spec.export, has_adapters):
        if (run_dir / EXPORT).exists():
            trainer.console.print(_keep(run_dir / EXPORT, digests["weights_digest"]), soft_wrap=True)
        return
    facts = {
        "spec": spec.model_dump(mode="json"),
        "export": exporting(spec, trainer.plan),
        **digests,
        "plan_digest": trainer.plan.digest,
        "token_digest": trainer.progress.ledger.token_digest,
        "stores": catalog.digests(),
        "versions": library_versions(),
        "start": read_json(run_dir / "run.json")["start"],
    }
    variables = {"params": state.base_params, **state.params} if has_adapters else {"params": state.params}
    trained = Trained(variables, facts, catalog.special_tokens(), catalog.tokenizer.fingerprint, origin_of(run_dir))
    batch = last_batch(catalog, trainer.plan, spec)
    print_report(trainer.console, run_dir / EXPORT, export_run(run_dir, spec, trainer.mesh, trained, batch))
    if remark := without_files(spec.tokenizer):
        trainer.console.print(remark, soft_wrap=True)


def _keep(folder: Path, weights_digest: str | None) -> str:
    """Keep an export that is no longer asked, under another name where it is not of these weights; say what was done.

    Raises OSError.
    """
    try:
        own = sealed_facts(folder)["weights_digest"]
    except (Damaged, KeyError):
        own = "unknown"
    if own == weights_digest:
        return f"{folder} is left as it was; the section export asks for nothing"
    names = (f"{EXPORT}-of-{own[:12]}{again}" for again in chain([""], (f"-{number}" for number in count(2))))
    aside = next(folder.with_name(name) for name in names if not folder.with_name(name).exists())
    return f"{folder} is of other weights than this run's; it is now {folder.rename(aside)}"


def last_batch(catalog: Catalog, plan: Plan, spec: Spec) -> Batch:
    """The batch of a plan's last step."""
    phase = plan.phases[-1]
    stage = phase.stages[-1]
    with train_batches(
        catalog.entries(stage),
        seed=spec.training.seed,
        batch=train_batch(spec, phase.name),
        first_step_of_stage=stage.first_step,
        start_step=stage.last_step,
        end_step=stage.last_step + 1,
    ) as batches:
        return next(batches)


def check_adapters(params: Any) -> None:
    """Raise Failure EXPORT when adapters came out of phase lora as they went in, so that an export would not act."""
    if idle := idle_adapters(params["lora_B"]):
        more = f" and {len(idle) - 3} more" if len(idle) > 3 else ""
        raise Failure(
            f"phase lora taught nothing to {'; '.join(idle[:3])}{more}: lora_B is zero there; see the losses, and "
            "training/post_lora_dataset, whose rows may supervise nothing",
            ExitCode.EXPORT,
        )
