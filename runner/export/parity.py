"""Compare two sets of weights as one model: their logits on the same rows, both computed in float32.

The trained model computes in `dtype/activation`. An export keeps its weights, so the weights are compared, in a
precision that holds them exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from rich.console import Console

from runner.data.loader import Batch
from runner.failure import ExitCode, Failure
from runner.lora.adapters import lora_scale
from runner.mesh import batch_devices, put_batch
from runner.models import LoRAScale, build_model
from schema.sections.export import Export
from schema.spec import Spec

PROBE_TOKENS = 4096  # at least one row a device
PROBE_POSITIONS = 1024  # of a row: attention scores (h, t, t) and logits (t, v) of longer rows may not fit
# Of the largest logit, at least 1: x @ (W + A @ B) and x @ W + (x @ A) @ B round in another order, as sums of a
# thousand float32 terms do. Rounding to 16 bits, or an adapter that does not act, is off by a hundred times as much.
TOLERANCE = 1e-4
LEAST_AGREEMENT = 0.99  # of the likeliest tokens, where weights are rounded to 16 bits
LEAST_AGREEMENT_8 = 0.9  # where they are rounded to 8: SmolLM2-135M keeps 0.98, random models of two layers 0.93
# Of what the adapters do, in nats: KL is quadratic in what the logits lose, so this is a third of it. Merged weights
# rounded to bfloat16 reach 0.02 where 17 % of them equal the base's, 0.3 where 45 % do, 0.7 and more where most do. In
# float32, logits that lose more than this share have their files compared number by number.
MOST_LOST = 0.1

Variables = dict[str, Any]  # params, and lora_A and lora_B where there are adapters
Measure = Callable[[Variables, Variables, jax.Array, jax.Array], tuple[jax.Array, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """How another model's logits differ from the trained one's.

    `largest_logit`, the trained model's largest by amount, and `max_abs_diff` are over all positions of the probe.
    `kl` is the mean of KL(trained ‖ other) in nats over its `tokens` without padding, `top1_agreement` the share of
    them whose likeliest token is the same.
    """

    tokens: int
    largest_logit: float
    max_abs_diff: float
    kl: float
    top1_agreement: float

    @property
    def is_exact(self) -> bool:
        """Whether both are one function up to float32's rounding; false where the difference is NaN."""
        return self.max_abs_diff <= TOLERANCE * max(1.0, self.largest_logit)


@dataclass(frozen=True, slots=True)
class Part:
    """One folder of an export, and how far it is from the trained model.

    `unchanged` is the share of the adapted weights that equal the base's after rounding.
    """

    name: str
    difference: Difference
    unchanged: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The parts of an export, and how far the base without its adapters is from the trained model."""

    parts: tuple[Part, ...]
    adapters_effect: Difference | None


class Probe(NamedTuple):
    """Rows to compare models on: `tokens` (b, t), and `real` (b, t), 1 for a token and 0 for padding."""

    tokens: npt.NDArray[np.int32]
    real: npt.NDArray[np.float32]


def probe_of(batch: Batch, devices: int) -> Probe:
    """Return the first positions of a batch's first rows: enough for the probe's tokens, a multiple of `devices`.

    A row is real up to its last supervised position; where no row supervises anything, all positions count.
    """
    tokens, mask = batch.tokens[:, :PROBE_POSITIONS], batch.mask[:, :PROBE_POSITIONS]
    rows = min(-(-PROBE_TOKENS // tokens.shape[1]), len(tokens))
    rows = max(rows // devices, 1) * devices
    # A maximum from the right: 1 up to the last supervised position, prompts included, 0 for the padding after it.
    real = np.maximum.accumulate(mask[:rows, ::-1], axis=1)[:, ::-1]
    return Probe(tokens[:rows], real if real.any() else np.ones_like(real))


def compare(
    measure: Measure, mesh: jax.sharding.Mesh, probe: Probe, trained: Variables, other: Variables
) -> Difference:
    """Run both models over a probe, one row a device at a time; `measure` is `measure_of` their spec."""
    # Highest: else accelerators multiply float32 in fewer bits, and the difference of two models drowns in that.
    devices, parts = batch_devices(mesh), []
    with jax.set_mesh(mesh), jax.default_matmul_precision("highest"):
        for first in range(0, len(probe.tokens), devices):
            rows = put_batch(mesh, {name: each[first : first + devices] for name, each in probe._asdict().items()})
            parts.append(jax.device_get(measure(trained, other, rows["tokens"], rows["real"])))
    largest, diff, divergence, same = zip(*parts, strict=True)
    tokens = int(probe.real.sum())
    return Difference(
        tokens=tokens,
        largest_logit=float(max(largest)),
        max_abs_diff=float(np.max(diff)),  # a NaN stays, where Python's max can drop it
        kl=float(sum(map(float, divergence)) / tokens),
        top1_agreement=sum(map(int, same)) / tokens,
    )


def print_report(console: Console, folder: Path, report: Report) -> None:
    """Print what was exported to a folder and how far it is from the trained model."""
    for part in report.parts:
        kept = "" if part.unchanged is None else f", {100 * part.unchanged:.2f} % of the adapted weights unchanged"
        console.print(f"exported {folder / part.name}: {_in_words(part.difference)}{kept}", soft_wrap=True)
    if report.adapters_effect is not None:
        console.print(f"without its adapters: {_in_words(report.adapters_effect)}", soft_wrap=True)


def _in_words(found: Difference) -> str:
    return (
        f"logits within {found.max_abs_diff:.2g} of the trained model's, KL {found.kl:.2g}, "
        f"top-1 agreement {100 * found.top1_agreement:.2f} %"
    )


def check_parity(part: Part, effect: Difference | None, export: Export, holds: Callable[[], bool]) -> None:
    """Raise Failure EXPORT when a part is not the trained model.

    `effect` is the difference that its adapters make, None without adapters. float32 must be exact. Fewer bits must
    keep nearly all likeliest tokens and most of the effect, unless the user accepts less. An effect as small as
    float32's noise does not show in logits; then `holds` compares the files with the trained weights, number by number.
    """
    found, dtype = part.difference, export.gguf if part.name == "gguf" else export.dtype
    acts = effect is None or found.max_abs_diff <= MOST_LOST * effect.max_abs_diff
    if found.is_exact and (acts or holds()):
        return
    off = f"logits differ by up to {found.max_abs_diff:.3g}, of at most {found.largest_logit:.3g}"
    lost = "" if effect is None else f", and by {effect.max_abs_diff:.3g} without any adapter"
    agreed = f"{100 * found.top1_agreement:.2f} % of the likeliest tokens are the same"
    if dtype == "float32":
        raise Failure(f"export/{part.name} is not the trained model: {off}{lost}; {agreed}", ExitCode.EXPORT)
    keeps = effect is None or found.kl <= MOST_LOST * effect.kl
    least = LEAST_AGREEMENT_8 if dtype == "q8_0" else LEAST_AGREEMENT
    if export.accept_lossy or (found.top1_agreement >= least and keeps):
        return
    reason = f"; only {agreed}" if keeps else f"{lost}: rounding drowns what the adapters do"
    wider = "write export/dtype: float32"
    if part.name == "gguf":
        wider = "write export/gguf: f16" if dtype == "q8_0" else "remove export/gguf"
    raise Failure(
        f"rounded to {dtype}, export/{part.name} is not the trained model: {off}{reason}; {wider}, or accept it with "
        "export/accept_lossy: true, and run the same command again",
        ExitCode.EXPORT,
    )


def measure_of(spec: Spec) -> Measure:
    """Return the comparison of two models of a spec, compiled once for each pair of tree structures.

    It returns four scalars: the largest logit, the largest difference, the sum of KL in nats and the number of equal
    likeliest tokens, both over real positions.
    """
    lora, architecture = spec.optimization.lora, spec.architecture
    wide = architecture.model_copy(update={"dtype": architecture.dtype.model_copy(update={"activation": "float32"})})
    model = build_model(wide, LoRAScale(lora_scale(lora.alpha, lora.rank, lora.scaling)))

    def measure(trained: Variables, other: Variables, tokens: jax.Array, real: jax.Array) -> tuple[jax.Array, ...]:
        one, two = model.apply(trained, tokens), model.apply(other, tokens)  # each (b, t, v) in float32
        divergence = jnp.sum(real[..., None] * _divergence(jax.nn.log_softmax(one), jax.nn.log_softmax(two)))
        same = jnp.sum(real * (one.argmax(-1) == two.argmax(-1)))
        return jnp.abs(one).max(), jnp.abs(one - two).max(), divergence, same

    return jax.jit(measure)


def _divergence(log_one: jax.Array, log_two: jax.Array) -> jax.Array:
    """Return the terms of KL(one ‖ two) of log-probabilities (…, v), each at least 0.

    The terms p·log(p/q) have both signs; where p and q are near, rounding drowns their sum. p·log(p/q) + q − p has the
    same sum. With δ = log(p/q) near 0 it is p·(δ + e^−δ − 1), about p·δ²/2.
    """
    p, difference = jnp.exp(log_one), log_one - log_two
    near = p * (difference + jnp.expm1(-difference))
    # expm1 keeps the digits of a small δ. Far from 0, e^−δ may overflow, and q itself is exact enough.
    return jnp.where(jnp.abs(difference) < 1, near, p * difference + jnp.exp(log_two) - p)
