"""What exists only while a process runs a run: open files, the signals it hears, what it remembers of its steps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial

from runner.checkpoint.save import Checkpoints
from runner.data.catalog import Catalog
from runner.distributed import writes
from runner.files.atomic import write_atomically
from runner.files.digested_json import with_digest
from runner.metrics import Record, Sink, open_sinks
from runner.metrics.console import ConsoleSink
from runner.metrics.jsonl import JsonlSink
from runner.metrics.wandb import WandbRun
from runner.process.preemption import Preemption
from runner.run.record import run_id
from runner.train.nonfinite import FiniteSteps
from runner.train.spikes import Spikes
from runner.train.trainer import BaseTrainer
from schema.budget.retention import Retention


class LastSave:
    """The step that was saved last, and when."""

    def __init__(self, step: int) -> None:
        self.note(step)

    def note(self, step: int) -> None:
        """Note that a step is saved now."""
        self.step, self._time = step, time.monotonic()

    def minutes(self) -> float:
        """Return the minutes since the last save, or since this process began."""
        return (time.monotonic() - self._time) / 60


@dataclass(frozen=True, slots=True)
class Session:
    """What a process needs to run the phases of a run; `lines` is None, and `sinks` empty, where it does not write."""

    catalog: Catalog
    checkpoints: Checkpoints
    lines: JsonlSink | None
    sinks: tuple[Sink, ...]
    preemption: Preemption
    run_id: str
    last_save: LastSave
    finite: FiniteSteps
    spikes: Spikes

    def write(self, record: Record) -> None:
        """Hand a record to every sink."""
        for sink in self.sinks:
            sink.write(record)

    def sync(self) -> None:
        """Bring all records to the disk."""
        for sink in self.sinks:
            sink.sync()


def _wandb_run(trainer: BaseTrainer) -> WandbRun | None:
    """What Weights & Biases is told of a run, where it is asked for: its identity, its spec and its plan."""
    execution = trainer.spec
    if not execution.spec.logging.wandb:
        return None
    config = {"spec": execution.spec.model_dump(mode="json"), "plan": json.loads(trainer.plan.to_json())}
    say = partial(trainer.console.print, soft_wrap=True)
    return WandbRun(run_id(execution.run_dir) or "", config, say)


@contextmanager
def open_session(trainer: BaseTrainer, catalog: Catalog, preemption: Preemption) -> Iterator[Session]:
    """Open the checkpoints and the records of a trainer's run after its progress; close them at the end.

    Raises Failure STORAGE, also at the end, when a checkpoint could not be written.
    """
    run_dir, spec, step = trainer.spec.run_dir, trainer.spec.spec, trainer.progress.step
    boundaries = tuple(phase.last_step for phase in trainer.plan.phases)
    retention = Retention(spec.checkpoint.keep, spec.checkpoint.best, boundaries)
    read_back = spec.checkpoint.verify == "read_back"
    with closing(Checkpoints(run_dir, retention, read_back)) as checkpoints, ExitStack() as closed_first:
        lines: JsonlSink | None = None
        sinks: tuple[Sink, ...] = ()
        if writes():
            write_atomically(run_dir / "plan.json", with_digest(trainer.plan.to_json()))
            records_end = trainer.restored.records_end if trainer.restored else 0
            lines, *others = open_sinks(run_dir, step, _wandb_run(trainer), records_end)
            sinks = (lines, *others, ConsoleSink(trainer.console, trainer.plan.steps, step))
        for sink in sinks:
            closed_first.callback(sink.close)
        yield Session(
            catalog=catalog,
            checkpoints=checkpoints,
            lines=lines,
            sinks=sinks,
            preemption=preemption,
            run_id=run_id(run_dir) or "",
            last_save=LastSave(step),
            finite=FiniteSteps(spec.training),
            spikes=Spikes(),
        )
        checkpoints.wait()
