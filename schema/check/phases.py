"""A phase that is left out: `[]` as one of its two lists empties the other, which need not be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Budgets and mixtures of a phase, which are read in parallel.
LISTS = (("pre_lora_tokens", "pre_lora_dataset"), ("post_lora_tokens", "post_lora_dataset"))


def leave_out_phases(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the written keys of `training`, with `[]` for the list that is not written beside an empty one."""
    whole = dict(written)
    for pair in LISTS:
        for key, other in (pair, pair[::-1]):
            if written.get(key) == []:
                whole.setdefault(other, [])
    return whole
