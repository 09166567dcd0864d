"""Findings about keys of architecture that no line of the spec says: the config.json of its model does."""

from __future__ import annotations

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Related


def at_config(document: Document, found: Diagnostic, *keys: str, remedy: str = "name another model") -> Diagnostic:
    """Move a finding from keys of architecture to the model that decides them all; as it is where one is written."""
    model = document.pretrained
    if not (model and model.keys) or any(document.given(f"architecture/{key}") for key in keys):
        return found
    places = {key: model.span(key) for key in keys}
    related = tuple(Related(span, f"{key} there") for key, span in places.items() if span)
    where, message = document.span("architecture/pretrained"), f"{found.message}, by the config.json of {model.name}"
    return found._replace(span=where, message=message, remedy=remedy, related=related, fix=None)
