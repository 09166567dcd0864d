"""Whether a store is what a run would make of a source: by its digest, and by the fields of the first record.

Stores that an older version made have the digest that they would have today, unless today's rules make something else
of the same records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.data.lessons import NO_ANSWER, NO_COMPLETION
from runner.data.sources import DataSource
from runner.data.stores.meta import StoreMeta, key_digest
from schema.environment import Fields

SMALL = "divided by the lowest digests"  # marks of how a store was made otherwise than the first ones were
WITHOUT_COPIES = "without copies"


def is_read_alike(source: DataSource, meta: StoreMeta) -> bool:
    """Whether a run reads the fields that a store was made of; False where nobody noted which."""
    if meta.fields is None:
        return not source.has_records
    try:
        return source.reading(meta.fields.first) == meta.fields.read
    except ValueError:  # such a record can't be read any more
        return False


def content_digest(
    source: str,
    fields: Fields | None,
    skipped: Mapping[str, int],
    tokenizer: str,
    chat: str,
    *,
    marks: Sequence[str] = (),
) -> str:
    """Return the digest of a store: of its source, what is read of it, what was left out, tokenizer and chat recipe.

    `marks` are those of its meta data.
    """
    marks = list(marks)
    if fields is not None and fields.styled:
        marks.append(f"read {sorted(fields.read.items())}")
    if any(reason.startswith((NO_COMPLETION, NO_ANSWER)) for reason in skipped):
        marks.append("without empty answers")
    return key_digest(source, tokenizer, chat, *marks)
