"""generation_config.json names every token that ends an answer, and keeps what the source says of sampling."""

from __future__ import annotations

from typing import Any

import pytest

from runner.huggingface.generation import generation_config

OWN = {"bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0}


@pytest.mark.parametrize(
    ("origin", "turn_end", "wanted"),
    [
        ({}, None, {"eos_token_id": 2, "pad_token_id": 0}),
        ({}, 7, {"eos_token_id": [2, 7], "pad_token_id": 0}),
        ({"config.json": {"eos_token_id": 9}}, None, {"eos_token_id": [9, 2], "pad_token_id": 0}),
        (
            {
                "config.json": {"eos_token_id": 5, "bos_token_id": 1, "hidden_size": 8},
                "generation_config.json": {"eos_token_id": [5, 7], "do_sample": True, "top_p": 0.9, "pad_token_id": 4},
            },
            7,
            {"eos_token_id": [5, 7, 2], "bos_token_id": 1, "pad_token_id": 4, "do_sample": True, "top_p": 0.9},
        ),
        ({"generation_config.json": {"eos_token_id": "x"}}, 2, {"eos_token_id": 2, "pad_token_id": 0}),
    ],
)
def test_every_stop_token_is_named_once(origin: dict[str, Any], turn_end: int | None, wanted: dict[str, Any]) -> None:
    assert generation_config(origin, OWN, turn_end) == wanted
