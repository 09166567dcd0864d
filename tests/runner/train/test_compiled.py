"""A phase: its two programs, and the arrays they consume."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax.sharding import AbstractMesh

from runner.failure import ExitCode, Failure
from runner.lora.state import abstract_lora_state
from runner.lora.transition import transition_to_lora
from runner.mesh import put_batch
from runner.state import Stream, stream_key
from runner.train.compiled import compile_phase, device_memory
from runner.train.micro_batch_checks import micro_batch_rows
from tests.runner.tiny_run import make_spec, random_batch, start, steps_of


def mesh_of(devices: int) -> AbstractMesh:
    return AbstractMesh((devices, 1, 1), ("data", "fsdp", "tensor"))


def test_a_batch_that_the_devices_do_not_divide_is_refused() -> None:
    spec = make_spec(training={"batch_size": 12})
    with pytest.raises(Failure, match=r"batch_size 12 is no multiple of the 8 devices .* make it 16") as caught:
        micro_batch_rows(spec, mesh_of(8), "full", None)
    assert caught.value.exit_code == ExitCode.INVALID


def test_a_cpu_says_nothing_of_its_memory() -> None:
    assert device_memory() is None or device_memory() > 0


def test_each_phase_compiles_two_programs_and_nothing_while_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    spec = make_spec(training={"validation": True, "validation_steps": 3})
    trainer = start(spec)
    with jax.log_compiles(True), caplog.at_level("WARNING", logger="jax._src"):
        caplog.clear()
        phase = compile_phase(spec, trainer.mesh, trainer.state, 2)
        compiled = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Compiling jit(")]
        assert [message.split()[1] for message in compiled] == ["jit(_train)", "jit(_validate)"]
        batch, key = put_batch(trainer.mesh, random_batch(spec, 0)), stream_key(0, Stream.DROPOUT_FULL)
        caplog.clear()
        for _ in range(2):
            trainer.state, _ = phase.train(trainer.state, batch, 1e-3, key)
        assert not [r for r in caplog.records if "Compiling" in r.getMessage()]
    assert (phase.micro_rows, phase.accumulation, phase.validation_batch.rows) == (2, 4, 4)


@pytest.mark.parametrize("evaluate", [True, False])
def test_validation_is_compiled_where_a_spec_asks_for_losses_and_nowhere_else(evaluate: bool) -> None:
    asked = make_spec(training={"evaluate": evaluate})
    spec = asked.model_copy(update={"eval": asked.eval.model_copy(update={"evaluations": ["pydoc_ppl"]})})
    trainer = start(spec)
    assert (compile_phase(spec, trainer.mesh, trainer.state, 8).validate is not None) is evaluate


def test_a_step_consumes_the_old_state_but_for_the_base_and_validation_nothing() -> None:
    spec = make_spec(training={"validation": True})
    trainer = start(spec)
    phase = compile_phase(spec, trainer.mesh, trainer.state, 8)
    old = jax.tree.leaves((trainer.state.params, trainer.state.opt_state))
    assert phase.validate is not None
    phase.validate(trainer.state, put_batch(trainer.mesh, random_batch(spec, 0)))
    assert not any(leaf.is_deleted() for leaf in old)
    steps_of(phase, trainer, steps=1)
    assert all(leaf.is_deleted() for leaf in old)

    transition_to_lora(trainer)
    abstract = abstract_lora_state(trainer.model, spec, trainer.mesh)
    phase = compile_phase(spec, trainer.mesh, abstract.replace(apply_fn=trainer.state.apply_fn, tx=trainer.state.tx), 8)
    adapters, base = jax.tree.leaves(trainer.state.params), jax.tree.leaves(trainer.state.base_params)
    steps_of(phase, trainer, steps=1)
    assert all(leaf.is_deleted() for leaf in adapters)
    assert not any(leaf.is_deleted() for leaf in base)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(trainer.state.params))
