"""A mixture lists one dataset twice.

*Why it is bad.* The shares add up, which the rates do not show; most often the second entry was to be another dataset.

*Bad*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 0.5, style: PMD}
    - {name: web, rate: 0.5, style: PMD}
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

Where supervised tokens are counted, by training/budget or data/rates_by, it is an error: how many of them the second
entry gives depends on where the first one ends.

*Fix.* `--unsafe-fixes` keeps the first entry with both rates. Entries of another suffix or style are
other datasets.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from schema.budget.dataset_names import Key
from schema.check.findings import Unavailable
from schema.document import Document, parse
from schema.document.mixtures import Entry, written_mixtures
from schema.text.diagnostic import Diagnostic, Related, Severity, fix
from schema.text.scalars import spelled
from schema.text.wording import quote

CODE = "LR204"
SLUG = "duplicate-entry"
SEVERITY = Severity.WARNING


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the entries of each mixture by name, suffix, style and document mask."""
    for path, entries in written_mixtures(document):
        first: dict[Key, int] = {}
        for index, entry in enumerate(entries):
            kept = first.setdefault(Entry("", entry, None).key, index)
            if kept == index:
                continue
            rate = spelled(float(Fraction(str(entries[kept]["rate"])) + Fraction(str(entry["rate"]))))
            merged = fix(
                document.edits.replace(parse(f"{path}[{kept}]/rate"), rate),
                document.edits.remove(parse(f"{path}[{index}]")),
                safe=False,
            )
            message = f"{path} lists {quote(entry['name'])} twice"
            remedy = "keep one entry with the rates added up, or name another dataset"
            related = (Related(document.span(f"{path}[{kept}]/name"), "first listed here"),)
            where = document.span(f"{path}[{index}]/name")
            severity = Severity.ERROR if _counts_tokens(document) else SEVERITY
            yield Diagnostic(CODE, SLUG, severity, where, message, remedy, related, merged)


def _counts_tokens(document: Document) -> bool:
    try:
        return document.budget.terms.counts_tokens
    except Unavailable:  # another key of training failed, and its finding is an error
        return False
