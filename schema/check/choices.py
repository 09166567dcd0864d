"""Words for choices that come from elsewhere: what other programs call ours, and what lorarun does not have.

A word that means another thing is never taken for a slip of the keyboard: qwen2 is no qwen3, q4_0 no q8_0.
"""

from __future__ import annotations

from collections.abc import Sequence

# Another program's word → ours; of several, the one that the key knows.
SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("bf16", "torch.bfloat16", "jnp.bfloat16"), ("bfloat16",)),
    **dict.fromkeys(("fp16", "half", "torch.float16", "jnp.float16"), ("float16", "f16")),
    **dict.fromkeys(("f16",), ("float16",)),
    **dict.fromkeys(("fp32", "f32", "float", "full", "torch.float32", "jnp.float32"), ("float32",)),
    **dict.fromkeys(("gpt2", "gpt-2"), ("gpt",)),
    **dict.fromkeys(("llama2", "llama-2", "llama3", "llama-3", "llama3.1", "llama3.2", "llama-3.2"), ("llama",)),
    **dict.fromkeys(("rs_lora", "rs-lora", "use_rslora"), ("rslora",)),
    **dict.fromkeys(("off", "no", "disabled"), ("none",)),
    **dict.fromkeys(("hf", "transformers", "tokenizers", "auto", "autotokenizer"), ("huggingface",)),
    **dict.fromkeys(("bytes", "byte-level", "byte_level", "utf8", "utf-8"), ("byte",)),
    **dict.fromkeys(("openai",), ("tiktoken",)),
    **dict.fromkeys(("raise", "fail", "abort"), ("error", "stop")),
    **dict.fromkeys(("stop",), ("error",)),
    **dict.fromkeys(("cycle", "loop", "restart"), ("repeat",)),
    **dict.fromkeys(("truncation", "cut", "clip"), ("truncate",)),
    **dict.fromkeys(("skip", "discard", "filter"), ("drop",)),
    **dict.fromkeys(("assistant_only", "assistants", "completion", "completions", "response"), ("assistant",)),
    **dict.fromkeys(("q8",), ("q8_0",)),
    **dict.fromkeys(("llamaforcausallm",), ("llama",)),
    **dict.fromkeys(("qwen3forcausallm",), ("qwen3",)),
    **dict.fromkeys(("pad", "padding", "pad_to_max_length"), ("PADDED",)),
    **dict.fromkeys(("packing", "pack", "sample_packing", "multipack", "bfd", "ffd"), ("PACKED",)),
    **dict.fromkeys(("preference", "preferences", "pairwise", "dpo", "ranking", "pairs"), ("CONTRASTIVE",)),
}
_GROUPED = "write PACKED, several whole examples a row, or PMD, documents laid end to end and cut into blocks"
_STYLE = "write PMD for running text, or PADDED for prompts with their answers"
_FAMILY = "write gpt, llama or qwen3, whose decoders lorarun has; no other family's weights fit into these"
_DTYPE = "write float32, bfloat16 or float16"
_GGUF = "write f16 or q8_0; llama.cpp's llama-quantize makes the others from f16"
# Last part of a key → what the field knows by that name and lorarun does not have → what to write.
OTHERS: dict[str, dict[str, str]] = {
    "style": dict.fromkeys(("group", "grouped", "wrapped", "concat", "concatenated"), _GROUPED),
    "family": dict.fromkeys(
        (
            *("mistral", "mixtral", "gemma", "gemma2", "gemma3", "phi", "phi2", "phi3", "qwen", "qwen2", "qwen2.5"),
            *("gptj", "gpt-j", "gpt_neox", "gpt-neox", "gpt_neo", "opt", "bloom", "falcon", "mamba", "bert", "t5"),
            *("olmo", "olmo2", "deepseek", "starcoder2", "llama4", "qwen3_moe"),
        ),
        _FAMILY,
    ),
    "param": dict.fromkeys(("float64", "fp64", "double", "float8", "fp8", "int8", "int4", "nf4", "tf32"), _DTYPE),
    "gguf": dict.fromkeys(
        (
            *(
                "f32",
                "bf16",
                "q2_k",
                "q3_k_m",
                "q4_0",
                "q4_1",
                "q4_k",
                "q4_k_m",
                "q4_k_s",
                "q5_0",
                "q5_1",
                "q5_k",
                "q5_k_m",
            ),
            *("q5_k_s", "q6_k"),
        ),
        _GGUF,
    ),
    "rope_type": dict.fromkeys(
        ("dynamic", "ntk", "yarn", "longrope", "su", "mrope"), "write default, linear or llama3"
    ),
    "backend": dict.fromkeys(
        ("sentencepiece", "spm", "bpe", "wordpiece", "char"),
        "write huggingface, and the folder of a tokenizer.json as tokenizer/name",
    ),
}
OTHERS["style"] |= dict.fromkeys(
    ("text", "raw", "lm", "pretrain", "pretraining", "causal", "completion", "instruct", "instruction", "chat", "sft"),
    _STYLE,
)
OTHERS["backend"] |= {
    each: f"write tiktoken, and tokenizer/name: {each}"
    for each in ("gpt2", "r50k_base", "p50k_base", "cl100k_base", "o200k_base")
}
OTHERS |= dict.fromkeys(("activation", "dtype"), OTHERS["param"])


def synonym(text: str, choices: Sequence[str]) -> str:
    """The choice that another program calls by this word; empty where none is."""
    return next((each for each in SYNONYMS.get(text.lower(), ()) if each in choices), "")


def instead_of(key: str, text: str) -> str:
    """What to write where a word of the field names what lorarun does not have; empty for other words."""
    if key == "family" and "/" in text:
        return f"write architecture/pretrained: {text}, whose config.json says the family"
    return OTHERS.get(key, {}).get(text.lower(), "")
