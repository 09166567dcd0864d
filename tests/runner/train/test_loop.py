"""The order of events of a phase, seen on a step that trains nothing, and what may not happen inside the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import runner.train.loop
from runner.checkpoint.manifest import Manifest
from runner.checkpoint.progress import Progress
from runner.data.batch import BatchSpec
from runner.data.ledger import Ledger
from runner.data.loader import Batch
from runner.failure import ExitCode, Failure
from runner.plan.compile import compile_plan
from runner.process.preemption import Preemption
from runner.train.compiled import CompiledPhase
from runner.train.loop import PhaseRun, run_phase
from runner.train.nonfinite import FiniteSteps
from runner.train.session import LastSave, Session
from runner.train.spikes import WINDOW, Spikes
from runner.train.train_record import StepClock
from schema.spec import Spec
from tests.runner.tiny_run import ARCHITECTURE, one_device

STEPS, TOKENS = 4, 96  # of a step
SPEC = Spec.model_validate(
    {
        "architecture": ARCHITECTURE,
        "training": {
            "batch_size": 8,
            "on_nonfinite": "skip",
            "pre_lora_tokens": [2 * TOKENS, 2 * TOKENS],
            "pre_lora_dataset": [[{"name": "d", "rate": 1.0}]] * 2,
        },
        "logging": {"report_interval": 1, "checkpoint_interval": 2, "validation_interval": 3},
    }
)


@dataclass
class Fake:
    """A phase of four steps in two stages; what happens to it is noted in `events`."""

    events: list[str] = field(default_factory=list)
    preemption: Preemption = field(default_factory=Preemption)
    at: dict[str, Callable[[], object]] = field(default_factory=dict)  # what else happens at an event
    bad: int = 0  # the step that is not finite
    unsupervised: tuple[int, ...] = ()  # the steps whose batches have no supervised token
    spikes: Spikes = field(default_factory=Spikes)
    losses: list[float | None] = field(default_factory=list)  # as they are recorded
    manifests: list[Manifest] = field(default_factory=list)

    def note(self, event: str) -> None:
        self.events.append(event)
        self.at.get(event, lambda: None)()

    def train(self, state: int, batch: Any, rate: float, key: jax.Array) -> tuple[int, Any]:
        self.note(f"train {state + 1}")
        supervised = int(state + 1 not in self.unsupervised)
        numbers = {"loss": 2.0 * supervised, "grad_norm": 1.0 * supervised, "supervised_tokens": supervised}
        numbers |= {"finite": state + 1 != self.bad}
        return state + 1, jax.device_put({name: np.asarray(number) for name, number in numbers.items()})

    def record(self, record: dict[str, Any]) -> None:
        if record["event"] == "train":
            self.losses.append(record["loss"])
        self.note(f"record {record['event']} {record['step']}")

    def save(self, state: Any, manifest: Manifest) -> None:
        self.manifests.append(manifest)
        self.note(f"save {manifest.progress.step}")

    def score(
        self, compiled: Any, state: int, *_: Any, stop: Callable[[], bool]
    ) -> dict[str, tuple[float, int]] | None:
        self.note(f"score {state}")
        return None if stop() else {"d": (1.5, 10)}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    monkeypatch.setattr(runner.train.loop, "_open_phase", lambda *given: opened(fake, *given))
    monkeypatch.setattr(runner.train.loop, "_batches", batches)
    monkeypatch.setattr(runner.train.loop, "validation_losses", fake.score)
    monkeypatch.setattr(runner.train.loop, "saved_part", lambda state: state)
    return fake


def batches(run: PhaseRun) -> Iterator[tuple[int, Batch]]:
    tokens: Any = np.zeros((8, 12), np.int32)
    for step in range(run.step + 1, STEPS + 1):
        taken = {"d": Ledger(8, 96, 96)}
        yield (step + 1) // 2, Batch(tokens, tokens, tokens.astype(np.float32), step, f"{step}", taken, {"d": [step]})


def opened(fake: Fake, trainer: Any, phase: Any, session: Session) -> PhaseRun:
    batch = BatchSpec(rows=8, block_size=12)
    batches = {"train_batch": batch, "validation_batch": batch}
    compiled = CompiledPhase(fake.train, None, micro_rows=8, accumulation=1, memory=None, **batches)
    return PhaseRun(trainer, phase, compiled, jax.random.key(0), session, StepClock(trainer.progress.step))


def go(fake: Fake, spec: Spec = SPEC, step: int = 0) -> Any:
    """Run the phase from a step on; return the trainer."""
    plan, console = compile_plan(spec, 1), SimpleNamespace(print=lambda line, **_: fake.note(line.split(":")[0]))
    trainer: Any = SimpleNamespace(
        spec=SimpleNamespace(spec=spec),
        plan=plan,
        mesh=one_device(),
        console=console,
        state=step,
        progress=Progress("full", step=step),
    )
    sink: Any = SimpleNamespace(write=fake.record, sync=lambda: fake.note("sync"))
    checkpoints: Any = SimpleNamespace(
        check=lambda: None,
        save=fake.save,
        wait=lambda: fake.note("wait"),
        score=lambda step, phase, loss: fake.note(f"note score {step}"),
    )
    catalog: Any = SimpleNamespace(validation={"d": None})
    open_now = (None, (sink,), fake.preemption, "id", LastSave(step), FiniteSteps(spec.training), fake.spikes)
    run_phase(trainer, plan.phases[0], Session(catalog, checkpoints, *open_now))
    return trainer


def test_a_step_is_trained_reported_saved_and_scored_in_this_order(fake: Fake) -> None:
    go(fake)
    assert fake.events == [
        *("train 1", "record train 1"),
        *("train 2", "record train 2", "sync", "save 2"),
        *("train 3", "record train 3", "score 3", "record validation 3"),
        *("train 4", "record train 4", "sync", "save 4", "score 4", "note score 4", "record validation 4"),
    ]


def test_the_progress_of_each_step_is_what_is_saved(fake: Fake) -> None:
    trainer = go(fake)
    assert [(each.progress.step, each.progress.stage) for each in fake.manifests] == [(2, 1), (4, 2)]
    assert fake.manifests[-1].progress == trainer.progress
    assert trainer.progress.ledger.counts == {"d": Ledger(32, 384, 384)}
    assert fake.manifests[-1].run_id == "id"


def test_a_signal_in_a_step_saves_it_and_leaves_before_it_is_scored(fake: Fake) -> None:
    fake.at["train 3"] = lambda: fake.preemption.handle(15, None)
    with pytest.raises(Failure, match="stopped after step 3, which is saved") as stopped:
        go(fake)
    assert stopped.value.exit_code is ExitCode.PREEMPTED
    assert fake.events[-6:] == ["train 3", "record train 3", "sync", "save 3", "stopping", "wait"]


def test_a_signal_during_a_validation_breaks_it_off_and_saves_after_it(fake: Fake) -> None:
    fake.at["score 3"] = lambda: fake.preemption.handle(15, None)
    with pytest.raises(Failure, match="stopped after step 3"):
        go(fake)
    assert fake.events[-6:] == ["record train 3", "score 3", "sync", "save 3", "stopping", "wait"]


def test_a_step_that_is_saved_is_not_saved_again_when_a_signal_comes_during_its_validation(fake: Fake) -> None:
    fake.at["score 4"] = lambda: fake.preemption.handle(15, None)
    with pytest.raises(Failure, match="stopped after step 4"):
        go(fake)
    assert fake.events[-4:] == ["save 4", "score 4", "stopping", "wait"]


def test_a_run_that_resumes_scores_its_step_first(fake: Fake) -> None:
    go(fake, step=3)
    assert fake.events[:3] == ["score 3", "note score 3", "record validation 3"]
    assert fake.events[3:5] == ["train 4", "record train 4"]


def rarely() -> Spec:
    """The spec, where only the first and the last step are reported, and only the last is saved and scored."""
    names = ("report_interval", "checkpoint_interval", "validation_interval")
    return SPEC.model_copy(update={"logging": SPEC.logging.model_copy(update=dict.fromkeys(names, STEPS))})


def test_whether_a_step_was_finite_is_asked_once_the_next_one_is_on_its_way(fake: Fake) -> None:
    fake.bad = 2
    go(fake, rarely())
    assert fake.events[:6] == ["train 1", "record train 1", "train 2", "train 3", "record skipped 2", "train 4"]
    assert fake.manifests[0].progress.skipped_steps == 1


def test_a_step_is_settled_before_it_is_reported_and_saved(fake: Fake) -> None:
    fake.bad = STEPS
    go(fake, rarely())
    assert fake.events[4:8] == ["train 4", "record skipped 4", "record train 4", "sync"]
    assert fake.manifests[0].progress.skipped_steps == 1


def test_a_transfer_that_does_not_say_so_is_refused_inside_the_loop(fake: Fake) -> None:
    fake.at["record train 1"] = lambda: jnp.negative(np.ones(3))
    with pytest.raises(jax.errors.JaxRuntimeError, match="Disallowed host-to-device transfer"):
        go(fake)
    assert fake.events == ["train 1", "record train 1"]


def test_a_step_without_supervised_tokens_has_no_loss_and_the_next_one_is_no_spike(fake: Fake) -> None:
    for _ in range(WINDOW - 2):
        fake.spikes.look(2.0)
    fake.unsupervised = (1, 2, 3)
    go(fake)
    assert fake.losses == [None, None, None, 2.0]
    assert not [event for event in fake.events if event.startswith("step ")]
    assert fake.spikes.look(9.0) == 2.0


def test_a_phase_that_sees_nothing_has_no_loss_at_all(fake: Fake) -> None:
    fake.unsupervised = tuple(range(1, STEPS + 1))
    go(fake)
    assert fake.losses == [None] * STEPS
    assert fake.spikes.look(9.0) is None
