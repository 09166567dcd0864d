"""The order of events of a phase: train, report, save, validate, evaluate; resumable after any of them.

A step's checkpoint is written before its validation, so that a failing validation loses nothing; what
followed a checkpoint is done again by a run that resumes there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import jax
from flax.training.train_state import TrainState
from rich.console import Console

from runner.checkpoint.manifest import Manifest
from runner.checkpoint.progress import Progress
from runner.checkpoint.save import Checkpoints
from runner.data.catalog import Catalog
from runner.data.loader import Batch, train_batches
from runner.environment import known_stores
from runner.failure import ExitCode, Failure
from runner.lora.adapters import lora_scale
from runner.mesh import batch_devices, build_mesh, put_batch
from runner.metrics import Record, Sink
from runner.metrics.console import RunConsole
from runner.metrics.jsonl import JsonlSink
from runner.models import Decoder, LoRAScale, build_model
from runner.plan.compile import compile_plan
from runner.plan.plan import PhasePlan
from runner.run.execution import ExecutionSpec, RestoreableJob
from runner.run.identity import spec_digest
from runner.run.versions import library_versions
from runner.signals.preemption import Preemption
from runner.state import Stream, stream_key
from runner.train.compiled import CompiledPhase, compile_phase, device_memory
from runner.train.evaluate import evaluated_dataset, score_records, validation_losses
from runner.train.micro_batch import micro_batch_remark, micro_batch_rows
from runner.train.nonfinite import FiniteSteps, check_finite
from runner.train.spikes import Spikes
from schema.spec import Spec

DROPOUT_STREAM = {"full": Stream.DROPOUT_FULL, "lora": Stream.DROPOUT_LORA}


@dataclass(frozen=True, slots=True)
class Session:
    """What exists only while a process runs the job."""

    catalog: Catalog
    checkpoints: Checkpoints
    sinks: tuple[JsonlSink, *tuple[Sink, ...]]
    preemption: Preemption

    def write(self, record: Record) -> None:
        """Hand a record to every sink."""
        for sink in self.sinks:
            sink.write(record)

    def sync(self) -> None:
        """Bring all records to the disk."""
        for sink in self.sinks:
            sink.sync()


class BaseTrainer(RestoreableJob):
    """Trains the phases of a plan on a mesh; there is a `state` once it is created or restored."""

    state: TrainState
    state_sharding: Any

    def __init__(self, spec: ExecutionSpec, console: Console | None = None) -> None:
        self.spec = spec
        self.console = console or RunConsole()
        self.mesh = build_mesh(spec.spec.mesh)
        self.plan = compile_plan(spec.spec, jax.device_count(), known_stores(spec.spec, device_memory()))
        self.model = model_of(spec.spec)
        self.progress = Progress(self.plan.phases[0].name)
        self._saved_step: int | None = None
        self._micro_batch_rows = 0
        self._resumed: Manifest | None = None
        self._run_id: str | None = None
        self._in_lora_phase = False
        self._finite = FiniteSteps(spec.spec.training)
        self._saved_at, self._spikes = time.monotonic(), Spikes()

    def run_phase(self, phase: PhasePlan, session: Session) -> None:
        """Run what is left of a phase, from `self.progress` on.

        Raises Failure NUMERICS when a loss or gradient is not finite, PREEMPTED after a signal.
        """
        compiled = self._compile(phase)
        if self.progress.step >= phase.first_step:
            self._after_checkpoint(phase, compiled, session)
        key = stream_key(self.spec.spec.training.seed, DROPOUT_STREAM[phase.name])
        with session.preemption.during_steps():  # of all stages: between two of them, nothing is saved
            for number, stage in enumerate(phase.stages, start=1):
                if self.progress.step < stage.last_step:
                    self._run_stage(phase, number, compiled, key, session)

    def _run_stage(
        self, phase: PhasePlan, number: int, compiled: CompiledPhase, key: jax.Array, session: Session
    ) -> None:
        training, stage = self.spec.spec.training, phase.stages[number - 1]
        start = max(self.progress.step + 1, stage.first_step)
        batches = train_batches(
            session.catalog.entries(stage),
            seed=training.seed,
            batch=compiled.train_batch,
            first_step_of_stage=stage.first_step,
            start_step=start,
            end_step=stage.last_step + 1,
        )
        clock = _Clock(start - 1)
        with batches:
            for batch in batches:
                metrics = self._train(phase, number, compiled, batch, key)
                self._settle(self.progress.step - 1, session)
                self._report(phase, number, metrics, session=session, clock=clock)
                self._save(phase, session)
                self._after_checkpoint(phase, compiled, session, clock)
                self._save(phase, session)  # when a signal came during validation

    def _compile(self, phase: PhasePlan) -> CompiledPhase:
        spec = self.spec.spec
        rows = micro_batch_rows(spec, self.mesh, phase.name, device_memory())
        if spec.training.per_device_batch_size not in (-1, rows):
            self.console.print(micro_batch_remark(spec, batch_devices(self.mesh), rows))
        self._micro_batch_rows = rows
        begun = time.perf_counter()
        compiled = compile_phase(spec, self.mesh, self.state, rows)
        seconds = time.perf_counter() - begun
        taken = f"micro-batch {rows} rows × {compiled.accumulation}, compiled in {seconds:.1f} s"
        self.console.print(f"phase {phase.name}: {taken}")
        return compiled

    def _train(
        self, phase: PhasePlan, stage: int, compiled: CompiledPhase, batch: Batch, key: jax.Array
    ) -> dict[str, jax.Array]:
        arrays, rate = put_batch(self.mesh, batch.arrays()), phase.learning_rate_at(batch.step)
        self.state, metrics = compiled.train(self.state, arrays, rate, key)
        self.progress = self.progress.after(stage, batch)
        self._finite.note(phase.name, batch, metrics["finite"])
        return metrics

    def _settle(self, last: int, session: Session) -> None:
        """Find out whether the steps up to `last` were finite, and record those that were skipped."""
        for record in self._finite.settle(last, self.progress.skipped_steps):
            session.write(record)
            self.progress = self.progress.with_skipped_step()

    def _report(
        self, phase: PhasePlan, stage: int, metrics: dict[str, jax.Array], *, session: Session, clock: _Clock
    ) -> None:
        """Read the metrics of a step back from the devices, at report steps only."""
        if self.progress.step not in phase.report_steps:
            return
        self._settle(self.progress.step, session)
        record = train_record(self, phase, stage, jax.device_get(metrics), clock.lap(self.progress.step))
        session.write(record)
        if (usual := self._spikes.look(record["loss"])) is not None:
            self.console.print(
                f"step {self.progress.step:,}: the loss is far above {usual:.4f}, the median of the last reports"
            )

    def _save(self, phase: PhasePlan, session: Session) -> None:
        """Save at checkpoint steps, when it is time, and when somebody asked the process to stop, which ends it."""
        session.checkpoints.check()
        asked_to_stop, every = session.preemption.requested, self.spec.spec.checkpoint.every_minutes
        due = every != "never" and time.monotonic() - self._saved_at >= 60 * every
        if asked_to_stop or due or self.progress.step in phase.checkpoint_steps:
            self._save_once(session)
        if asked_to_stop:
            self.console.print(
                f"stopping: step {self.progress.step:,} is being saved; a second Ctrl-C does not wait for it"
            )
            session.checkpoints.wait()
            raise Failure(
                f"stopped after step {self.progress.step:,}, which is saved; run the same command again",
                ExitCode.PREEMPTED,
            )

    def _save_once(self, session: Session) -> None:
        if self._saved_step == self.progress.step:
            return
        self._settle(self.progress.step, session)
        manifest = manifest_of(self, session)
        session.sync()
        session.checkpoints.save(saved_part(self.state), manifest)
        self._saved_step, self._saved_at = self.progress.step, time.monotonic()

    def _after_checkpoint(
        self, phase: PhasePlan, compiled: CompiledPhase, session: Session, clock: _Clock | None = None
    ) -> None:
        """Validate at validation steps, and evaluate at the end of the phase."""
        training, validation = self.spec.spec.training, session.catalog.validation
        scored = list(validation) if self.progress.step in phase.validation_steps else []
        names = self.spec.spec.eval.evaluations if training.evaluate and self.progress.step == phase.last_step else []
        wanted = dict.fromkeys([*scored, *(evaluated_dataset(name) for name in names)])
        if not wanted:
            return
        self._settle(self.progress.step, session)
        rows = {label: validation[label] for label in wanted}
        stop = session.preemption.is_requested
        losses = validation_losses(compiled, self.state, self.mesh, rows, training.validation_steps, stop)
        if losses is None:  # a run that goes on here validates first
            return
        check_finite({label: loss for label, (loss, _) in losses.items()}, phase.name, self.progress.step)
        if scored and self._saved_step == self.progress.step:
            score = fmean(losses[label][0] for label in scored)
            session.checkpoints.score(self.progress.step, phase.name, score)
        for record in score_records(losses, scored, names, {"step": self.progress.step, "phase": phase.name}):
            session.write(record)
        if clock is not None:
            clock.restart(self.progress.step)


def saved_part(state: TrainState) -> dict[str, Any]:
    """The part of a state that a checkpoint holds: what is trained, its optimizer, the phase's step."""
    return {"params": state.params, "opt_state": state.opt_state, "step": state.step}


def train_record(
    trainer: BaseTrainer, phase: PhasePlan, stage: int, numbers: Mapping[str, Any], lap: tuple[int, float]
) -> dict[str, Any]:
    """Say how a step went, and the `lap` of steps and seconds since the last report."""
    steps, seconds = lap
    return {
        "event": "train",
        "step": trainer.progress.step,
        "phase": phase.name,
        "stage": stage,
        "tokens": trainer.progress.step * trainer.plan.tokens_per_step,
        "loss": float(numbers["loss"]),
        "learning_rate": phase.learning_rate_at(trainer.progress.step),
        "grad_norm": float(numbers["grad_norm"]),
        "supervised_tokens": int(numbers["supervised_tokens"]),
        "token_digest": trainer.progress.ledger.token_digest,
        "seconds": seconds,
        "tokens_per_second": steps * trainer.plan.tokens_per_step / seconds,
    }


def manifest_of(trainer: BaseTrainer, session: Session) -> Manifest:
    """Say what a checkpoint of the trainer's state is."""
    return Manifest(
        progress=trainer.progress,
        spec_digest=spec_digest(trainer.spec.spec),
        plan_digest=trainer.plan.digest,
        micro_batch_rows=trainer._micro_batch_rows,
        batch_devices=batch_devices(trainer.mesh),
        versions=library_versions(),
        records=session.sinks[0].written_before(trainer.progress.step),
        run_id=trainer._run_id,
    )


def model_of(spec: Spec) -> Decoder:
    """Build the model of both phases; adapters act where a state has them."""
    lora = spec.optimization.lora
    scale = LoRAScale(lora_scale(lora.alpha, lora.rank, lora.scaling), lora.dropout)
    return build_model(spec.architecture, scale, attention_implementation(spec))


def attention_implementation(spec: Spec) -> Any:
    """Choose cuDNN's attention on GPUs for 16-bit activations, XLA's elsewhere."""
    on_gpu = jax.default_backend() == "gpu"
    return "cudnn" if on_gpu and spec.architecture.dtype.activation != "float32" else "xla"


class _Clock:
    """Measures the time of steps between two reports, without validation."""

    def __init__(self, step: int) -> None:
        self.restart(step)

    def lap(self, step: int) -> tuple[int, float]:
        """Return steps and seconds since the last lap."""
        lap = step - self.step, time.perf_counter() - self.time
        self.restart(step)
        return lap

    def restart(self, step: int) -> None:
        """Begin a lap at the end of a step."""
        self.step, self.time = step, time.perf_counter()
