"""What adapter_config.json calls the base of adapters, so that PEFT finds it from any working directory."""

from __future__ import annotations

from pathlib import Path

from runner.huggingface import read_model
from runner.huggingface.arrays import Source, is_same
from schema.document.hub import hub_name, located
from schema.families import HuggingFace, parameters
from schema.spec import Spec


def base_name(spec: Spec, folder: Path, hugging_face: HuggingFace, base: Source) -> tuple[str, str | None]:
    """Return name and revision of a base that is exported to `folder` and whose weights are `base`, in float32.

    That is the model of the hub where the base is that, number by number; otherwise the absolute path of the folder.
    """
    named = spec.architecture.pretrained
    on_hub = hub_name(named) if named else None
    if named and on_hub and on_hub.is_pinned:
        try:
            found = read_model(located(named), hugging_face, parameters(spec.architecture))
            if all(is_same(array, path, base) for path, array in found):
                return on_hub.model, on_hub.revision
        except (OSError, KeyError, ValueError):  # gone from the cache, or not as this class writes it
            pass
    return str(folder.absolute()), None
