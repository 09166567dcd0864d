"""The loop of a phase: train, settle, report, decide, save, score, leave.

Do not change the order of operations in `run_phase`. Each stands where it does for a reason:

1. train    The devices get a step before the host looks at the one before it, so that they never wait.
2. settle   The step before is known to be finite before anything is said or saved that comes after it.
3. report   A record is written before its step is saved: a checkpoint says how far the records reached.
4. decide   Whatever depends on signals, clocks and losses is decided once, after the report that may show a spike.
5. save     A checkpoint is written before its step is scored, so that a failing validation loses nothing.
6. score    What follows a checkpoint is done again by a run that resumes there; so `run_phase` begins with it.
            It takes long: a signal that came meanwhile ends it, and is decided on before the next step.
7. leave    A run that was asked to stop leaves once its step is saved, and only then.

The whole loop runs under jax's transfer guard: whatever moves between host and devices says so.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from statistics import fmean

import jax

from runner.checkpoint.manifest import Manifest
from runner.data.loader import Batch, train_batches
from runner.distributed import Decision, Facts, Planned, decide, stops
from runner.failure import ExitCode, Failure
from runner.mesh import batch_devices, put_batch
from runner.plan.plan import PhasePlan
from runner.run.identity import spec_digest
from runner.run.versions import computed_by
from runner.state import Stream, stream_key
from runner.train.compiled import CompiledPhase, Metrics
from runner.train.evaluate import Scoring, score_records, scoring_at, validation_losses
from runner.train.fitting import compile_largest, memory_remark
from runner.train.micro_batch_checks import micro_batch_remark, pinned_rows
from runner.train.nonfinite import check_finite
from runner.train.session import Session
from runner.train.train_record import StepClock, train_record
from runner.train.trainer import BaseTrainer, saved_part

DROPOUT_STREAM = {"full": Stream.DROPOUT_FULL, "lora": Stream.DROPOUT_LORA}


@dataclass(frozen=True, slots=True)
class PhaseRun:
    """A phase while a process runs it; `key` is that of its dropout."""

    trainer: BaseTrainer
    phase: PhasePlan
    compiled: CompiledPhase
    key: jax.Array
    session: Session
    clock: StepClock

    @property
    def step(self) -> int:
        """The last step that was taken."""
        return self.trainer.progress.step

    def scoring(self) -> Scoring:
        """What the plan scores after the last step."""
        return scoring_at(self.step, self.phase, self.trainer.spec.spec, self.session.catalog.validation)


def run_phase(trainer: BaseTrainer, phase: PhasePlan, session: Session) -> None:
    """Take the steps of a phase that follow the trainer's progress.

    Replaces `trainer.state` and `trainer.progress` at each step. Raises Failure NUMERICS when a loss or gradient is
    not finite, STORAGE when a checkpoint cannot be written, PREEMPTED after a signal.
    """
    run = _open_phase(trainer, phase, session)
    with jax.transfer_guard("disallow"):
        if run.step >= phase.first_step and run.scoring():
            _score(run)
        with session.preemption.during_steps(), closing(_batches(run)) as batches:
            for stage, batch in batches:
                metrics = _train(run, stage, batch)
                _settle(run, batch.step - 1)
                loss = _report(run, metrics)
                decision = _decide(run, loss)
                if decision.usual_loss is not None:
                    _warn(run, decision.usual_loss)
                if decision.save:
                    _save(run)
                if decision.score:
                    _score(run)
                    decision = _decide(run, scored=True)
                    if decision.save:
                        _save(run)
                if decision.stop:
                    _leave(run)


def _open_phase(trainer: BaseTrainer, phase: PhasePlan, session: Session) -> PhaseRun:
    """Compile the programs of a phase, and say so."""
    spec, started = trainer.spec.spec, time.perf_counter()
    pinned = pinned_rows(spec, phase, trainer.restored, batch_devices(trainer.mesh))
    compiled, programs = compile_largest(spec, trainer.spec.run_dir, trainer.mesh, trainer.state, phase.name, pinned)
    seconds, rows = time.perf_counter() - started, compiled.micro_rows
    if spec.training.per_device_batch_size not in (-1, rows):
        trainer.console.print(micro_batch_remark(spec, batch_devices(trainer.mesh), rows))
    tries = f", the largest of {programs} that fits" if programs > 1 else ""
    cut = f"micro-batch {rows} rows × {compiled.accumulation}"
    trainer.console.print(f"phase {phase.name}: {cut}, {memory_remark(compiled)}compiled in {seconds:.1f} s{tries}")
    key = stream_key(spec.training.seed, DROPOUT_STREAM[phase.name])
    return PhaseRun(trainer, phase, compiled, key, session, StepClock(trainer.progress.step))


def _batches(run: PhaseRun) -> Generator[tuple[int, Batch]]:
    """Yield the batches of the steps that are left, each with the number of its stage, from 1; restart the clock."""
    seed = run.trainer.spec.spec.training.seed
    for number, stage in enumerate(run.phase.stages, start=1):
        first = max(run.step + 1, stage.first_step)
        if first > stage.last_step:
            continue
        batches = train_batches(
            run.session.catalog.entries(stage),
            seed=seed,
            batch=run.compiled.train_batch,
            first_step_of_stage=stage.first_step,
            start_step=first,
            end_step=stage.last_step + 1,
        )
        run.clock.restart(run.step)
        with batches:
            for batch in run.clock.waiting(batches):
                yield number, batch


def _train(run: PhaseRun, stage: int, batch: Batch) -> Metrics:
    """Hand a step to the devices; its metrics, scalars, stay there."""
    trainer, rate = run.trainer, run.phase.learning_rate_at(batch.step)
    arrays = put_batch(trainer.mesh, batch.arrays())
    trainer.state, metrics = run.compiled.train(trainer.state, arrays, rate, run.key)
    trainer.progress = trainer.progress.after(stage, batch)
    run.session.finite.note(run.phase.name, batch, metrics["finite"])
    return metrics


def _settle(run: PhaseRun, last: int) -> None:
    """Find out whether the steps up to `last` were finite; record and count those that were skipped."""
    for record in run.session.finite.settle(last, run.trainer.progress.skipped_steps):
        run.session.write(record)
        run.trainer.progress = run.trainer.progress.with_skipped_step()


def _report(run: PhaseRun, metrics: Metrics) -> float | None:
    """Read the metrics of the last step back and record them, at report steps only; return its loss, in nats.

    A step without supervised tokens has none, so that nothing is compared with it.
    """
    if run.step not in run.phase.report_steps:
        return None
    _settle(run, run.step)
    trainer = run.trainer
    record = train_record(trainer.progress, trainer.plan, run.phase, jax.device_get(metrics), run.clock.lap(run.step))
    run.session.write(record)
    return record["loss"]


def _decide(run: PhaseRun, loss: float | None = None, scored: bool = False) -> Decision:
    """Decide what follows the last step; `loss` is the one just reported. A failed save of an earlier step ends it."""
    session, every = run.session, run.trainer.spec.spec.checkpoint.every_minutes
    session.checkpoints.check()
    planned = Planned(
        save=run.step in run.phase.checkpoint_steps,
        score=not scored and bool(run.scoring()),
        saved=session.last_save.step == run.step,
    )
    facts = Facts(
        stop_asked=session.preemption.requested,
        save_due=every != "never" and session.last_save.minutes() >= every,
        usual_loss=None if loss is None else session.spikes.look(loss),
    )
    return decide(planned, facts)


def _warn(run: PhaseRun, usual_loss: float) -> None:
    """Say that the loss just reported is a spike."""
    run.trainer.console.print(
        f"step {run.step:,}: the loss is far above {usual_loss:.4f}, the median of the last reports"
    )


def _save(run: PhaseRun) -> None:
    """Save the last step, once it is settled and its records are on the disk; a thread writes it."""
    _settle(run, run.step)
    trainer, session = run.trainer, run.session
    manifest = Manifest(
        progress=trainer.progress,
        spec_digest=spec_digest(trainer.spec.spec),
        plan_digest=trainer.plan.digest,
        micro_batch_rows=run.compiled.micro_rows,
        batch_devices=batch_devices(trainer.mesh),
        versions=computed_by(),
        records_end=session.lines.end_before(run.step) if session.lines else 0,
        run_id=session.run_id,
    )
    session.sync()
    with jax.transfer_guard_device_to_host("allow"):  # orbax copies the arrays to the host in its own way
        session.checkpoints.save(saved_part(trainer.state), manifest)
    session.last_save.note(run.step)


def _score(run: PhaseRun) -> None:
    """Validate and evaluate the last step; a signal breaks it off, and whoever resumes there scores it."""
    _settle(run, run.step)
    trainer, session, scoring = run.trainer, run.session, run.scoring()
    rows = {label: session.catalog.validation[label] for label in scoring.datasets()}
    losses = validation_losses(
        run.compiled,
        trainer.state,
        trainer.mesh,
        rows,
        trainer.spec.spec.training.validation_steps,
        stop=lambda: stops(session.preemption.requested),
    )
    if losses is None:
        return
    check_finite({label: loss for label, (loss, _) in losses.items()}, run.phase.name, run.step)
    if scoring.validated and session.last_save.step == run.step:
        score = fmean(losses[label][0] for label in scoring.validated)
        session.checkpoints.score(run.step, run.phase.name, score)
    for record in score_records(losses, scoring, {"step": run.step, "phase": run.phase.name}):
        session.write(record)
    run.clock.restart(run.step)


def _leave(run: PhaseRun) -> None:
    """Wait until the last step is saved, and end the run. Raises Failure PREEMPTED."""
    run.trainer.console.print(f"stopping: step {run.step:,} is being saved; a second Ctrl-C does not wait for it")
    run.session.checkpoints.wait()
    raise Failure(f"stopped after step {run.step:,}, which is saved; run the same command again", ExitCode.PREEMPTED)
