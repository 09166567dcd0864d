"""A small set of pairs, and the spec and store of them, for tests of what a run would take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner.data.stores.display import Silent
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store
from runner.data.tokenizers.byte import ByteTokenizer
from schema.sections.data import Data
from schema.spec import Spec

# Answers of many lengths; the sides of the last two begin with the same 40 letters.
PAIRS = [
    *({"prompt": f"{n} + {n} = ", "chosen": str(2 * n), "rejected": f"about {3 * n}"} for n in range(120)),
    *({"prompt": f"{n}: ", "chosen": "a" * 40 + "b", "rejected": "a" * 40 + "c"} for n in range(2)),
]


def write_pairs(path: Path, records: list[dict[str, Any]] | None = None) -> Path:
    """Write records, or PAIRS, one a line."""
    path.write_text("".join(json.dumps(record) + "\n" for record in (PAIRS if records is None else records)))
    return path


def pair_store(folder: Path, records: list[dict[str, Any]] | None = None) -> Store:
    """The store of these records, as style CONTRASTIVE has it prepared."""
    path = write_pairs(folder / "pairs.jsonl", records)
    data = Data.model_validate({"root": str(folder / "stores"), "sources": {"pairs": {"path": str(path)}}})
    styles = ("CONTRASTIVE",)
    return prepare_store("pairs", "", data=data, tokenizer=ByteTokenizer(), progress=Silent(), styles=styles)


def pair_spec(folder: Path, **training: Any) -> Spec:
    """A spec of one phase, whose only stage takes 24 pairs a step of the set in `folder`, with rows of 32 tokens."""
    stage = {
        "tokens": 10 * 24 * 2 * 32,
        "dataset": [{"name": "pairs", "rate": 1.0, "style": "CONTRASTIVE"}],
        "batch_size": 24,
        "validation_steps": 2,
    }
    return Spec.model_validate(
        {
            "architecture": {"block_size": 32, "vocab_size": 320, "n_layers": 1, "n_embd": 16, "n_head": 2},
            "tokenizer": {"backend": "byte"},
            "data": {"root": str(folder / "stores"), "sources": {"pairs": {"path": str(folder / "pairs.jsonl")}}},
            "training": stage | training,
        }
    )
