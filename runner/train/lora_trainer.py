"""LoRATrainer: the two phases of a run in order, from wherever the run directory says it stands."""

from __future__ import annotations

from rich.console import Console

from runner.checkpoint.base import save_base
from runner.checkpoint.intact import Intact, verify
from runner.checkpoint.progress import Progress
from runner.checkpoint.save import Checkpoints
from runner.data.catalog import Catalog
from runner.files.errors import disk_failures
from runner.lora.init import refuse_other_init
from runner.lora.transition import transition_to_lora
from runner.mesh import enable_compilation_cache
from runner.plan.printing import render_short_plan
from runner.process.computing import computing
from runner.process.preemption import listen
from runner.process.surroundings import program_cache
from runner.report.summary import is_finished, print_summary, read_summary
from runner.run.execution import ExecutionSpec
from runner.run.layout import is_run
from runner.run.lock import locked
from runner.run.record import make_run_dir
from runner.train.checks import checks_of
from runner.train.claim import claim
from runner.train.finish import finish
from runner.train.loop import run_phase
from runner.train.session import open_session
from runner.train.start import first_state, restored_state, start_of, starting
from runner.train.trainer import BaseTrainer
from runner.weights import WeightSource
from runner.weights.start import check_start
from schema.budget.budget import budget_of
from schema.environment import Environment


class LoRATrainer(BaseTrainer):
    """Phase full, boundary checkpoint, `transition_to_lora`, phase lora."""

    def run(self) -> None:
        """Run to the end of the plan; the same call resumes a run that was stopped at any instant.

        A finished run says so and returns. What can be refused is refused before the run directory is
        touched. Raises Failure with the exit code of what went wrong.
        """
        with computing() as remarks:
            for remark in remarks:
                self.console.print(remark, soft_wrap=True)
            self._run()

    def _run(self) -> None:
        start, run_dir = self._check(), self.spec.run_dir
        with listen() as preemption:
            if self._is_finished():
                return
            self.console.print(render_short_plan(self.plan))
            catalog = self._prepare()
            make_run_dir(run_dir)
            with disk_failures(run_dir), locked(run_dir):
                claim(self, catalog, start)
                with open_session(self, catalog, preemption) as session:
                    for phase in self.plan.phases:
                        if phase.last_step < self.progress.step:
                            continue
                        if phase.name == "lora" and not self._in_lora_phase:
                            self._enter_lora_phase(session.checkpoints)
                        run_phase(self, phase, session)
                finish(self, session)

    def restore_from_path(self, rel_path: str) -> None:
        """Restore the checkpoint at this path relative to the run directory: checkpoints/120, ../other/checkpoints/8.

        Every byte of it is verified first, and of the frozen base that it belongs to. Raises Failure STORAGE when a
        part is missing or damaged, or the base is another one.
        """
        with computing():
            self.restore(verify(self.spec.run_dir / rel_path))

    def restore(self, checkpoint: Intact) -> None:
        """Restore a verified checkpoint; one of phase lora brings the trainer into phase lora.

        Raises Failure STORAGE when the arrays are not those that were trained.
        """
        self.state, self.state_sharding = restored_state(self.model, self.spec.spec, self.mesh, checkpoint)
        self._in_lora_phase, self.restored = checkpoint.base is not None, checkpoint.manifest
        self.progress = checkpoint.manifest.progress

    def _check(self) -> WeightSource | None:
        """Refuse what cannot be run, without writing anything; return the weights that a new run starts from."""
        trains_adapters = budget_of(self.spec.spec, Environment()).has_adapters
        for check in checks_of(self.spec, trains_adapters=trains_adapters):
            for remark in check.ask():
                self.console.print(remark, soft_wrap=True)
        start = self.spec.starting_point
        if start is None or is_run(self.spec.run_dir):
            if start and not start.exists():
                self.console.print(f"{start} is not here any more; {self.spec.run_dir} resumes without it")
            return None
        source = check_start(start, self.spec.spec)
        self.console.print(starting(self.spec, source), soft_wrap=True)
        for remark in source.remarks():
            self.console.print(remark)
        return source

    def _prepare(self) -> Catalog:
        """Prepare or open every dataset and print what was cut or left out."""
        for remark in self.catalog.remarks():
            self.console.print(remark)
        return self.catalog

    def begin(self, start: WeightSource | None) -> None:
        """Create the state before the first step: of random weights, or of those that the run was given to start from.

        `start` are the weights that were verified in this process already, if any.
        """
        trains_all = self.plan.phases[0].name == "full"
        source, remarks = start_of(self.spec, start)
        for remark in remarks:
            self.console.print(remark, soft_wrap=True)
        self.state, self.state_sharding = first_state(self.model, self.spec.spec, self.mesh, source, trains_all)
        self.progress, self._in_lora_phase = Progress(self.plan.phases[0].name), False

    def _is_finished(self) -> bool:
        """Whether the run directory holds the whole run; says so, with its summary."""
        run_dir = self.spec.run_dir
        summary = read_summary(run_dir)
        if summary is None or not is_finished(run_dir, summary, self.plan, self.spec.spec):
            return False
        self.console.print(f"{run_dir} is finished; nothing is left to do")
        print_summary(self.console, run_dir, summary)
        return True

    def _enter_lora_phase(self, checkpoints: Checkpoints) -> None:
        """Freeze the base and store it, once the boundary's checkpoint is whole; no later one can refer to it yet."""
        checkpoints.wait()
        refuse_other_init(self.spec.spec, self.spec.run_dir)
        transition_to_lora(self)
        base = save_base(self.spec.run_dir, self.state.base_params)
        self.progress = self.progress.in_phase_lora(base.facts["base_digest"])


def execute_spec(execution: ExecutionSpec, console: Console | None = None) -> None:
    """Run a valid spec in its run directory: what `lorarun exec` does. Raises Failure."""
    enable_compilation_cache(program_cache())
    LoRATrainer(execution, console).run()
