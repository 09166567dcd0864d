"""Whether a run can begin with the weights that it names; asked before its folder is made. Loads no jax."""

from __future__ import annotations

from pathlib import Path

from runner.failure import ExitCode, Failure
from runner.run.identity import refuse_other_architecture
from runner.weights import WeightSource, find_weights
from runner.weights.absent import why_absent
from schema.spec import Spec


def find_start(start: Path, spec: Spec) -> WeightSource:
    """Return the weights that `start` names, of this spec's architecture; none of them is read.

    Raises Failure INVALID when there are none or their architecture differs, naming the keys.
    """
    source = find_weights(start)
    if source is None:
        raise Failure(str(why_absent(start)), ExitCode.INVALID)
    refuse_other_architecture(start, source.describe(), spec.architecture.model_dump(mode="json"))
    return source


def check_start(start: Path, spec: Spec) -> WeightSource:
    """Return the verified weights that `start` names, when a run of this spec can begin with them.

    Raises Failure as `find_start` does, and STORAGE when they are damaged.
    """
    source = find_start(start, spec)
    source.identity()  # verifies them
    return source
