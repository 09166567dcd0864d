"""export: what a finished run leaves for other programs."""

from __future__ import annotations

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
    dtype: Float = key("float32", "Type of the weights in base and merged; adapters are float32.", change="free")
    accept_lossy: bool = key(
        False, "Keep an export that rounding to 16 bits has made another model than the trained one.", change="free"
    )
