"""How many token ids each tokenizer has: a fact of its files that the linter knows without opening them."""

from __future__ import annotations

VOCABULARY: dict[tuple[str, str | None], int] = {  # by tokenizer/backend and tokenizer/name
    ("byte", None): 258,  # 256 bytes, the end of a document, padding
    ("tiktoken", "gpt2"): 50257,
    ("tiktoken", "r50k_base"): 50257,
    ("tiktoken", "p50k_base"): 50281,
    ("tiktoken", "p50k_edit"): 50284,
    ("tiktoken", "cl100k_base"): 100277,
    ("tiktoken", "o200k_base"): 200019,
    ("tiktoken", "o200k_harmony"): 201088,
}


def token_ids(backend: str, name: str | None) -> int:
    """Number of token ids of a tokenizer; 0 where it is not known."""
    return VOCABULARY.get((backend, None if backend == "byte" else name), 0)
