"""generation_config.json: the tokens that end an answer of an exported model, and what its source says of sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GENERATION = "generation_config.json"
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id")


def generation_config(
    origin: Mapping[str, Any], special_tokens: Mapping[str, int | None], turn_end: int | None
) -> dict[str, Any]:
    """Return the file's content: that of the model that was pretrained, if any, with every token that ends an answer.

    These are the source's own in their order, the end of a document, and the end of a turn in the chat template. What
    the source leaves out is as the tokenizer of the run has it.
    """
    config = origin.get("config.json", {})
    known = {name: config[name] for name in SPECIAL if config.get(name) is not None}
    own = {**special_tokens, **known, **origin.get(GENERATION, {})}
    stops = [*_numbers(known.get("eos_token_id")), *_numbers(origin.get(GENERATION, {}).get("eos_token_id"))]
    every = list(dict.fromkeys([*stops, *_numbers(special_tokens.get("eos_token_id")), *_numbers(turn_end)]))
    found = {**own, "eos_token_id": every[0] if len(every) == 1 else every}
    return {name: value for name, value in found.items() if value is not None}


def _numbers(value: Any) -> Sequence[int]:
    """One id, several, or none, as such a file may have them."""
    listed = value if isinstance(value, list) else [value]
    return [number for number in listed if isinstance(number, int) and not isinstance(number, bool)]
