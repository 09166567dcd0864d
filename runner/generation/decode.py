"""The loop that makes tokens: one program reads the prompt and chooses the first, one makes each further token.

Prompts are padded on the right to a few lengths, so that few programs are compiled: causal attention does not see the
padding, and the tokens that follow overwrite it in the cache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from runner.failure import ExitCode, Failure
from runner.generation.sampling import SamplingParams, choose
from runner.models import Cache, Decoder, empty_cache

SHORTEST = 16  # positions that a program is compiled for
MAX_TOKENS = 256
DEFAULT = SamplingParams()


def generate(
    model: Decoder,
    variables: Any,
    tokens: Sequence[int],
    params: SamplingParams = DEFAULT,
    *,
    max_tokens: int = MAX_TOKENS,
    stop: Collection[int] = (),
) -> Iterator[int]:
    """Yield the ids that follow the prompt `tokens`, each as soon as it is made.

    `model` and `variables` are those of `load_pretrained`; adapters act where `variables` hold `lora_A` and `lora_B`.
    It ends before a token of `stop`, after `max_tokens`, or where prompt and answer fill the model's context. Raises
    Failure INVALID for a prompt that is empty, leaves no room in the context, or has ids that the model lacks.
    """
    room = room_for(model, tokens)
    if max_tokens < 1:
        raise Failure(f"max_tokens is {max_tokens}; write a whole number from 1", ExitCode.INVALID)
    outside = [number for number in tokens if not 0 <= number < model.options.vocab_size]
    if outside:
        raise Failure(
            f"the prompt has the id {outside[0]}, and the model's vocabulary is 0 … {model.options.vocab_size - 1}; "
            "encode it with the model's own tokenizer",
            ExitCode.INVALID,
        )
    return _loop(model, variables, tokens, params, min(max_tokens, room), frozenset(stop))


def room_for(model: Decoder, tokens: Sequence[int]) -> int:
    """Return how many tokens may follow a prompt. Raises Failure INVALID where it is empty, or none may."""
    longest = model.options.block_size
    if not len(tokens):
        raise Failure("the prompt is empty; write some text to go on from", ExitCode.INVALID)
    if len(tokens) >= longest:
        raise Failure(
            f"the prompt has {len(tokens):,} tokens, and the model's context is {longest:,} with the answer; write a "
            "shorter one",
            ExitCode.INVALID,
        )
    return longest - len(tokens)


def _loop(
    model: Decoder, variables: Any, tokens: Sequence[int], params: SamplingParams, most: int, stop: frozenset[int]
) -> Iterator[int]:
    prompt, longest = len(tokens), model.options.block_size
    padded = np.zeros((1, _bucket(prompt, longest)), np.int32)
    padded[0, :prompt] = tokens
    static = {"model": model, "params": replace(params, seed=0)}  # another seed is no other program
    key, positions = jax.random.key(params.seed), _bucket(prompt + most, longest)
    token, cache = _read(variables, padded, np.int32(prompt), key, **static, positions=positions)
    for left in reversed(range(most)):
        # The devices make the next token while the host hears of this one.
        ahead = _step(variables, token, cache, key, **static) if left else None
        found = int(token[0])
        if found in stop:
            return
        yield found
        if ahead is not None:
            token, cache = ahead


def _bucket(tokens: int, longest: int) -> int:
    """The next power of two, within what the model can hold."""
    return min(longest, max(SHORTEST, 1 << (tokens - 1).bit_length()))


@partial(jax.jit, static_argnames=("model", "params", "positions"))
def _read(
    variables: Any,
    tokens: jax.Array,
    prompt: jax.Array,
    key: jax.Array,
    *,
    model: Decoder,
    params: SamplingParams,
    positions: int,
) -> tuple[jax.Array, Cache]:
    """Read tokens (1, t), of which the first `prompt` () are no padding; return the next (1,) and a cache of them."""
    # A cache of t positions is all that the prompt needs to see; it gets its length afterwards.
    hidden, cache = model.apply(variables, tokens, empty_cache(model.options, 1, tokens.shape[1]), method="extend")
    last = jax.lax.dynamic_slice_in_dim(hidden, prompt - 1, 1, axis=1)  # (1, 1, d)
    behind = [(0, 0)] * 3 + [(0, positions - tokens.shape[1]), (0, 0)]
    keys, values = (jnp.pad(x, behind) for x in (cache.keys, cache.values))
    cache = Cache(keys, values, jnp.full_like(cache.filled, prompt))
    return _next(model, variables, last, params, jax.random.fold_in(key, prompt)), cache


@partial(jax.jit, static_argnames=("model", "params"), donate_argnums=2)
def _step(
    variables: Any, token: jax.Array, cache: Cache, key: jax.Array, *, model: Decoder, params: SamplingParams
) -> tuple[jax.Array, Cache]:
    """Read one more token (1,); return the next (1,) and the cache, in the memory of the one that was given."""
    hidden, cache = model.apply(variables, token[:, None], cache, method="extend")
    return _next(model, variables, hidden, params, jax.random.fold_in(key, cache.filled[0])), cache


def _next(model: Decoder, variables: Any, hidden: jax.Array, params: SamplingParams, key: jax.Array) -> jax.Array:
    """Choose a token (1,) for the one position of hidden (1, 1, d)."""
    logits = model.apply(variables, hidden, method="head")  # (1, 1, v)
    return choose(logits[:, 0], params, key)
