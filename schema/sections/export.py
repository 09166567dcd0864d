"""export: what a finished run leaves for other programs."""

from __future__ import annotations

from typing import Literal

from schema.section import Section, key
from schema.sections.architecture import Float


class Export(Section):
    """export: folders in the formats of Hugging Face's libraries, written when the run is over, and read again."""

    adapter: bool = key(
        True,
        "Write the adapters as PEFT loads them, and the base that they belong to; needs a phase lora.",
        change="free",
    )
    merged: bool = key(
        True, "Write the trained model as Transformers loads it, with adapters merged into its weights.", change="free"
    )
    dtype: Float = key(
        "float32",
        "Type of the weights in base and merged; adapters are float32. A base that nobody trained is bit for bit its "
        "source where this is the source's type and architecture/dtype holds its numbers.",
        change="free",
    )
    gguf: Literal["f16", "q8_0"] | None = key(
        None,
        "Write the trained model, merged, as one file for llama.cpp with matrices in this type; for families llama and "
        "qwen3, with a tokenizer.json of byte-level BPE.",
        change="free",
    )
    accept_lossy: bool = key(
        False, "Keep an export that rounding to fewer bits has made another model than the trained one.", change="free"
    )
