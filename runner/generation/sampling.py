"""How the next token is chosen of its logits: the likeliest, or one drawn after temperature, top-k and top-p."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import jax
import jax.numpy as jnp

from runner.failure import ExitCode, Failure


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are chosen.

    `temperature` 0 takes the likeliest token; otherwise logits are divided by it, and a token is drawn of the `top_k`
    likeliest ones, of which as few are kept as have a probability of `top_p` together. None and 1 leave none out. The
    token at a position is a function of `seed` and the position. Ids from `vocabulary` on, which a tokenizer lacks, are
    never chosen. Raises Failure INVALID for a number out of range.
    """

    temperature: float = 0.7
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        allowed = {
            "temperature": (self.temperature >= 0 and isfinite(self.temperature), "a number from 0"),
            "top_k": (self.top_k is None or self.top_k >= 1, "a whole number from 1"),
            "top_p": (0 < self.top_p <= 1, "a number above 0, at most 1"),
            "seed": (0 <= self.seed < 2**32, "a whole number from 0 to 4294967295"),
        }
        for name, (is_allowed, wanted) in allowed.items():
            if not is_allowed:
                raise Failure(f"{name} is {getattr(self, name)}; write {wanted}", ExitCode.INVALID)


def choose(logits: jax.Array, params: SamplingParams, key: jax.Array) -> jax.Array:
    """Choose a token (b,) for each row of logits (b, v); `key` is used once, the seed is not read."""
    logits = logits[:, : params.vocabulary]
    if params.temperature == 0:
        return jnp.argmax(logits, axis=-1).astype(jnp.int32)
    return jax.random.categorical(key, keep_likely(logits, params)).astype(jnp.int32)


def keep_likely(logits: jax.Array, params: SamplingParams) -> jax.Array:
    """Divide logits (b, v) by the temperature, and set to -inf those that top-k and then top-p leave out.

    Tokens as likely as the last one that is kept are kept too. Top-p keeps the smallest set whose probability is at
    least p (Holtzman et al. 2020), so never fewer than one.
    """
    # The largest is 0, so that no temperature makes it infinite.
    logits = (logits - jnp.max(logits, axis=-1, keepdims=True)) / params.temperature
    if params.top_k is not None and params.top_k < logits.shape[-1]:
        last = jax.lax.top_k(logits, params.top_k)[0][:, -1:]
        logits = jnp.where(logits < last, -inf, logits)
    if params.top_p < 1:
        falling = -jnp.sort(-logits, axis=-1)
        probabilities = jax.nn.softmax(falling, axis=-1)
        before = jnp.cumsum(probabilities, axis=-1) - probabilities  # of all that are likelier
        last = jnp.min(jnp.where(before < params.top_p, falling, inf), axis=-1, keepdims=True)
        logits = jnp.where(logits < last, -inf, logits)
    return logits
