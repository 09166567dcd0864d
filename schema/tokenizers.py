"""What is known of each tokenizer without opening its files: how many ids it has, which of them end and fill a row.

Those of the backend huggingface come in by the `Environment`: their files are the user's.
"""

from __future__ import annotations

from schema.environment import Environment, SpecialToken, TokenizerFacts

NAMED = ("tiktoken", "huggingface")  # backends that need tokenizer/name
BYTES = 256
END_OF_TEXT = "<|endoftext|>"
PAD = "<|pad|>"
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
ENCODINGS = tuple(name for backend, name in VOCABULARY if backend == "tiktoken" and name)
END: dict[tuple[str, str | None], int] = {  # the id of <|endoftext|>
    ("byte", None): 256,
    **{("tiktoken", name): 50256 for name in ("gpt2", "r50k_base", "p50k_base", "p50k_edit")},
    ("tiktoken", "cl100k_base"): 100257,
    ("tiktoken", "o200k_base"): 199999,
    ("tiktoken", "o200k_harmony"): 199999,
}


def tokenizer_facts(backend: str, name: str | None, environment: Environment | None = None) -> TokenizerFacts | None:
    """Return what is known of a tokenizer, None where nothing is."""
    if backend == "huggingface":
        found = environment.tokenizer if environment else None
        return found if isinstance(found, TokenizerFacts) else None
    key = (backend, None if backend == "byte" else name)
    if key not in VOCABULARY:
        return None
    end = SpecialToken(END_OF_TEXT, END[key])
    pad = SpecialToken(PAD, end.id + 1) if backend == "byte" else end
    return TokenizerFacts("/".join(part for part in key if part), VOCABULARY[key], end, pad)


def token_ids(backend: str, name: str | None, environment: Environment | None = None) -> int:
    """Number of token ids of a tokenizer; 0 where it is not known."""
    facts = tokenizer_facts(backend, name, environment)
    return facts.ids if facts else 0


def byte_letters() -> list[str]:
    """The letter that ByteLevel writes for each byte, as GPT-2 does: a printable one is itself, others follow U+0100.

    Printable are ! to ~, ¡ to ¬ and ® to ÿ of Latin-1.
    """
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [byte for byte in range(BYTES) if byte not in shown]
    return [chr(byte) if byte in shown else chr(BYTES + hidden.index(byte)) for byte in range(BYTES)]
