"""The estimate of a step's memory against what the compiler plans, and the micro-batch that is chosen by both."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from itertools import product
from typing import Any

import jax
import pytest

from runner.data.batch import train_batch
from runner.lora.state import abstract_lora_state
from runner.state import abstract_full_state
from runner.train.compiled import CompiledPhase, compile_phase
from runner.train.fitting import Search, fits, largest_fitting
from schema.budget.activations import micro_batch_bytes
from schema.budget.bytes import WHOLE, state_bytes
from schema.budget.micro_batch import micro_batch_rows
from schema.budget.stages import DATASET_KEY
from schema.spec import Spec
from tests.runner.tiny_run import make_spec, model_of, one_device

GIB4 = 4 * 2**30
DEEP = {"n_layers": 8, "n_embd": 512, "n_head": 8, "block_size": 1024, "vocab_size": 320}
WIDE = {"n_layers": 6, "n_embd": 768, "n_head": 12, "block_size": 512, "vocab_size": 32_000}
ODD = {"n_head": 6, "n_kv_head": 3, "rope": False, "tie_embeddings": True, "bias": False, "dropout": 0.1}
CASES = [*product(("float32", "bfloat16"), ("full", "lora"), ("none", "names", "full"))]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _quick_machine_code(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile without the passes over machine code: they come after memory is planned, and take a third of the time."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    compiled = jax.stages.Lowered.compile
    monkeypatch.setattr(jax.stages.Lowered, "compile", lambda lowered: compiled(lowered, compiler_options=options))
    yield


def spec_of(shape: dict[str, Any], activation: str, remat: str, batch_size: int) -> Spec:
    return make_spec(
        architecture={**shape, "remat": remat, "dtype": {"activation": activation}},
        training={"batch_size": batch_size, "evaluate": False},
        lora={"rank": 8, "target_modules": ["attn", "mlp"]},
    )


def program(spec: Spec, phase: Any, rows: int) -> CompiledPhase:
    mesh, abstract = one_device(), abstract_full_state if phase == "full" else abstract_lora_state
    return compile_phase(spec, mesh, abstract(model_of(spec), spec, mesh), rows)


def temporary(spec: Spec, phase: Any, rows: int) -> int:
    """The estimate of what the compiler calls temporary: gradients, and what a micro-batch takes.

    A CPU widens bfloat16: its programs hold activations in float32, and a copy of the frozen base. The estimate is
    that of the platform of the program.
    """
    gradients = state_bytes(spec.architecture, spec.optimization, WHOLE, phase)["gradients"]
    segmented = train_batch(spec, phase).segmented
    return gradients + micro_batch_bytes(spec, WHOLE, phase, rows, jax.default_backend(), segmented=segmented)


@pytest.mark.parametrize(("activation", "phase", "remat"), CASES)
def test_the_estimate_is_near_what_the_compiler_plans(activation: str, phase: str, remat: str) -> None:
    spec = spec_of(WIDE, activation, remat, batch_size=8)
    memory = program(spec, phase, 4).memory
    assert memory is not None
    assert temporary(spec, phase, 4) == pytest.approx(memory.temporary, rel=0.15)


@pytest.mark.parametrize(("phase", "remat", "style"), [("full", "none", "PMD"), ("lora", "names", "PACKED")])
def test_the_estimate_holds_for_other_shapes_in_one_micro_batch_with_validation(
    phase: Any, remat: str, style: str
) -> None:
    mixtures = {key: [[{"name": "x", "rate": 1.0, "style": style}]] for key in DATASET_KEY.values()}
    spec = make_spec(
        architecture={**WIDE, **ODD, "remat": remat},
        training={"batch_size": 2, "validation": True, "validation_steps": 2, **mixtures},
        lora={"rank": 8, "target_modules": ["attn", "mlp", "wte"], "dropout": 0.1},
    )
    compiled = program(spec, phase, 2)
    assert (compiled.accumulation, compiled.validate is None) == (1, False)
    assert compiled.memory is not None
    assert compiled.train_batch.segmented == (style == "PACKED")
    assert temporary(spec, phase, 2) == pytest.approx(compiled.memory.temporary, rel=0.15)


@pytest.mark.parametrize(("activation", "phase", "remat"), CASES)
def test_the_largest_micro_batch_of_a_device_fits_and_the_next_one_would_not(
    activation: str, phase: Any, remat: str
) -> None:
    spec = spec_of(DEEP, activation, remat, batch_size=64)
    compiled = cache(partial(program, spec, phase))
    search = Search(spec.training.batch_size, GIB4, partial(temporary, spec, phase))
    first = micro_batch_rows(spec, WHOLE, phase, GIB4, jax.default_backend())
    found = largest_fitting(first, search, compiled)
    assert found.memory is not None
    assert fits(found.memory, GIB4)
    larger = compiled(2 * found.micro_rows).memory
    assert larger is not None
    assert larger.needed > GIB4
    for rows, memory in search.compiled.items():
        assert memory is not None
        assert temporary(spec, phase, rows) == pytest.approx(memory.temporary, rel=0.15)
