"""What a run is refused for before any of its data is prepared and anything is written, in the order of the checks.

`LoRATrainer` makes them, and `lorarun validate --env` makes the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from runner.export.gguf.check import check_gguf
from runner.metrics.wandb import require_wandb
from runner.run.execution import ExecutionSpec
from runner.run.inspect import check_run_dir
from runner.run.layout import is_run


class Check(NamedTuple):
    """One check and the key that it is about; `ask` returns remarks and raises Failure."""

    key: str
    ask: Callable[[], Iterable[str]]


def checks_of(execution: ExecutionSpec, trains_adapters: bool) -> Iterator[Check]:
    """Yield every check of a run but that of its first weights, which `runner.weights.start` makes.

    `trains_adapters` says whether its last phase is phase lora.
    """
    spec, run_dir = execution.spec, execution.run_dir

    def run_directory() -> Iterable[str]:
        check_run_dir(execution)
        return ()

    def wandb() -> Iterable[str]:
        require_wandb()
        return ()

    def adapters() -> Iterable[str]:
        from runner.lora.init import read_init  # jax

        read_init(spec)
        return ()

    yield Check(f"--run-dir {run_dir}", run_directory)
    if spec.logging.wandb:
        yield Check("logging/wandb", wandb)
    if spec.optimization.lora.init and trains_adapters and not is_run(run_dir):
        yield Check("optimization/lora/init", adapters)
    yield Check("export/gguf", lambda: check_gguf(spec))
