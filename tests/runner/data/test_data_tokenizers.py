"""The byte tokenizer, and the dispatch over tokenizer/backend."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.tokenizers import load_tokenizer
from runner.data.tokenizers.byte import END, PAD, ByteTokenizer
from schema.rules.vocab_too_small import IDS
from schema.sections.tokenizer import Tokenizer


@given(st.text())
def test_text_survives_the_round_trip(text: str) -> None:
    ids = ByteTokenizer().encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == list(text.encode())
    assert ByteTokenizer().decode([*ids, END, PAD]) == text


def test_ids_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(ValueError, match="0 … 257"):
        ByteTokenizer().decode([258])
    assert ByteTokenizer().decode([0xFF]) == "\ufffd"
    assert ByteTokenizer().decode([]) == ""


def test_the_linter_knows_the_vocabulary_of_every_backend() -> None:
    assert {backend: load_tokenizer(Tokenizer(backend=backend)).vocabulary for backend in IDS} == IDS
    assert set(IDS) == set(get_args(Tokenizer.model_fields["backend"].annotation))


def test_the_section_chooses_the_tokenizer() -> None:
    tokenizer = load_tokenizer(Tokenizer(backend="byte"))
    assert (tokenizer.vocabulary, tokenizer.end, tokenizer.pad) == (258, 256, 257)
