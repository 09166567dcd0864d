"""The catalogue: datasets of the hub that a mixture may name without a source, by the keys of data/sources/NAME.

One table, and no code for any of them. Whoever wants another part of one writes the keys that differ under its name in
data/sources, or a whole source, which then has nothing of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Row = Mapping[str, Any]

# Of the large ones, the first two million pages: about 1.3 thousand million tokens of GPT-2's, 6 GB of text.
SAMPLE = {"config": "sample-10BT", "split": "train[:2_000_000]", "streaming": True, "text": "text"}
CATALOGUE: Mapping[str, Row] = MappingProxyType(
    {
        "alpaca": {
            "hub": "tatsu-lab/alpaca",
            "instruction": "instruction",
            "input": "input",
            "output": "output",
        },
        "fineweb": {"hub": "HuggingFaceFW/fineweb", **SAMPLE},
        "fineweb-edu": {"hub": "HuggingFaceFW/fineweb-edu", **SAMPLE},
        "tinystories": {"hub": "roneneldan/TinyStories", "validation": "validation", "text": "text"},
        "ultrachat": {
            "hub": "HuggingFaceH4/ultrachat_200k",
            "split": "train_sft",
            "validation": "test_sft",
            "messages": "messages",
        },
    }
)
ORIGINS = ("path", "hub", "tokens")  # keys that say where a source's data is


def completed(name: str, written: Row) -> Row | None:
    """Return the keys of a source with those that the catalogue has of that name; None where it adds nothing.

    `written` is empty for a name that no source is written for.
    """
    row = CATALOGUE.get(name)
    return None if row is None or any(written.get(key) is not None for key in ORIGINS) else {**row, **written}
