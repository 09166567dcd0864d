"""What all processes of a run agree on, and which of them writes.

Whatever depends on facts that one process alone knows (a signal, its clock, its memory) is decided here, so that all
of them act alike. `gathered` is where an all-gather goes once a run has several processes; until then it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class Facts:
    """What one process knows after a step.

    `stop_asked`: a signal asked it to stop. `save_due`: the minutes between two saves have passed by its clock.
    `usual_loss`: the median of the losses reported before, in nats, when the one reported now is far above it.
    """

    stop_asked: bool = False
    save_due: bool = False
    usual_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What every process knows of a step: whether the plan saves and scores it, and whether it is saved already."""

    save: bool = False
    score: bool = False
    saved: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What all processes do after a step, in this order: warn of a spike above `usual_loss`, save, score, stop."""

    usual_loss: float | None
    save: bool
    score: bool
    stop: bool


def decide(planned: Planned, facts: Facts) -> Decision:
    """Decide what follows a step. One process that is asked to stop stops all.

    What stops is saved and not scored: whoever resumes it scores it first. No step is saved twice.
    """
    known = gathered(facts)
    stop = any(each.stop_asked for each in known)
    save = planned.save or stop or any(each.save_due for each in known)
    return Decision(
        usual_loss=known[0].usual_loss,
        save=save and not planned.saved,
        score=planned.score and not stop,
        stop=stop,
    )


def stops(asked: bool) -> bool:
    """Whether any process was asked to stop; what takes long asks between its parts."""
    return any(gathered(asked))


def least_memory(device_bytes: int | None) -> int | None:
    """Return the bytes of the smallest device of all processes; None where devices do not say."""
    return min((each for each in gathered(device_bytes) if each is not None), default=None)


def gathered(fact: Fact) -> list[Fact]:
    """Return what each process says, in their order."""
    return [fact]


def writes() -> bool:
    """Whether this process writes the files of the run; asked by what writes any."""
    import jax  # not on load: what only reads a run starts without it

    return jax.process_index() == 0
