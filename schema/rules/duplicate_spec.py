"""Two files of one call run the same thing.

*Why it is good to know.* One of them was most likely to differ. Every key counts with its default; notes, comments,
order and spelling don't, and neither does a budget that another one replaces. The examples are what a copy of a spec
changes.

*Bad*

```yaml
x-title: a higher rank
```

*Good*

```yaml
x-title: a higher rank
optimization:
  lora:
    rank: 16
```

*Fix.* Change the key that was to differ, or remove one of the files. Nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from schema.budget.deciding import PER_PHASE
from schema.document import Document
from schema.text.diagnostic import Diagnostic, Related, Severity
from schema.text.suppression import find_ignores, unsilenced
from schema.text.wording import count, quote

CODE = "LR804"
SLUG = "duplicate-spec"
SEVERITY = Severity.INFO


def check(document: Document) -> Iterator[Diagnostic]:
    """Find nothing alone: `compare` is asked when all files of a call have been read."""
    yield from ()


def compare(documents: Iterable[Document]) -> Iterator[Diagnostic]:
    """Report each group of files that run the same thing once, at the second file; the first is named beside it.

    A file that is named twice is compared once, and one whose keys could not all be read not at all.
    """
    groups: dict[str, dict[str, Document]] = {}
    for document in documents:
        if document.readable and not document.found.failed:
            groups.setdefault(json.dumps(_effective(document), sort_keys=True), {}).setdefault(
                _name(document), document
            )
    for group in groups.values():
        if len(group) < 2:
            continue
        first, second, *others = group.values()
        more = f" and {count(len(others), 'other file')}" if others else ""
        message = f"this spec runs the same as {quote(_name(first))}{more}"
        related = tuple(Related(other.start, "the same run") for other in (first, *others))
        remedy = "change the key that was to differ, or remove one of them"
        found = Diagnostic(CODE, SLUG, SEVERITY, second.start, message, remedy, related)
        yield from unsilenced([found], find_ignores(second.root))[0]


def _name(document: Document) -> str:
    return document.start.origin.name


def _effective(document: Document) -> dict[str, Any]:
    """The values that a run uses, without the family of budgets that does not count."""
    unused = {*PER_PHASE} if document.budget.one_budget else {"tokens", "dataset"}
    training = {name: value for name, value in document.values["training"].items() if name not in unused}
    return {**document.values, "training": training}
