"""What weights a run starts from, as far as the spec says so."""

from __future__ import annotations

from schema.document import Document
from schema.document.hub import hub_name

RUNS = "runs"  # the folder that exec writes to


def is_of_others(document: Document) -> bool:
    """Whether weights start from a Hugging Face model: its folder, or its name on the hub, which no run has."""
    model = document.pretrained
    if model is None or model.obstacle:
        return False
    return bool(model.keys) or (hub_name(model.name) is not None and not model.name.startswith(f"{RUNS}/"))


def is_restored(document: Document) -> bool:
    """Whether the run starts from weights at all, of others or of another run."""
    return _by_option(document) or document.value("architecture/pretrained") is not None


def keeps_block_size(document: Document) -> bool:
    """Whether the run starts from another run's weights, whose block_size must be its own."""
    return _by_option(document) or (is_restored(document) and not is_of_others(document))


def _by_option(document: Document) -> bool:
    return document.environment is not None and bool(document.environment.restore)
