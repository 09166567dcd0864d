"""Where the names come from that an editor completes: what a spec was before it was half typed, and this machine."""

from __future__ import annotations

from collections.abc import Sequence

from schema.document import Document, read_document
from schema.editor.names import Known


class Remembered:
    """The last document of each text that could be read."""

    def __init__(self) -> None:
        self._last: dict[str, Document] = {}

    def around(self, uri: str, lines: Sequence[str], line: int) -> Document | None:
        """Return what lines give, else what they give without the one that is written, else what they gave before."""
        for some in (lines, [*lines[:line], "", *lines[line + 1 :]]):
            document = read_document("\n".join(some).encode("utf-8", "surrogatepass"), "spec.yaml")
            if document.readable:
                self._last[uri] = document
                return document
        return self._last.get(uri)


def known_names(document: Document | None) -> Known:
    """Return the datasets that are built in, or have a store under data/root seen from here, and the chat templates."""
    from runner.data.chat.templates import BUILTIN as TEMPLATES
    from runner.data.sources import BUILTIN, known_datasets
    from schema.sections.data import Data

    root = document.value("data/root") if document and document.available("data/root") else None
    try:
        datasets = known_datasets(Data(root=root) if root else Data())
    except OSError:
        datasets = sorted(BUILTIN)
    return Known(tuple(datasets), TEMPLATES)
