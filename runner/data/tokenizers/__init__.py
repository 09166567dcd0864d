"""Tokenizers: one file a backend, named as `tokenizer/backend` names it.

A new backend is one file, one entry in `schema.sections.tokenizer` and one line in `load_tokenizer`.
"""

from __future__ import annotations

from runner.data.tokenizers._tokenizer import Tokenizer
from runner.data.tokenizers.byte import ByteTokenizer
from runner.data.tokenizers.tiktoken import load_tiktoken
from schema.sections import tokenizer as section_module

__all__ = ["Tokenizer", "load_tokenizer"]


def load_tokenizer(section: section_module.Tokenizer) -> Tokenizer:
    """Return the tokenizer that the section `tokenizer` of a spec asks for."""
    match section.backend:
        case "byte":
            return ByteTokenizer()
        case "tiktoken":
            return load_tiktoken(str(section.name))
        case "huggingface":
            from runner.data.tokenizers.huggingface import load_huggingface  # the library loads in 0.1 seconds

            return load_huggingface(str(section.name), section.add_bos)
