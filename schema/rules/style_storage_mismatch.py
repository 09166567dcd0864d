"""PADDED leaves out most of a dataset, because its documents are much longer than a row.

*Why it is bad.* PADDED takes one row of each document, and cuts or drops what is beyond it. On long plain text that
silently loses most of the tokens; PMD reads them all. Whoever writes data/on_too_long has decided, and hears nothing.

*On*

```json
{"datasets": {"web": {"store": {"tokenizer": "tiktoken/gpt2", "train": {"5000": 300}, "val": {"5000": 16}}}}}
```

*Bad*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PADDED}]
  pre_lora_tokens: [102400]
```

*Good*

```yaml
training:
  pre_lora_dataset:
  - [{name: web, rate: 1.0, style: PMD}]
```

*Fix.* `--unsafe-fixes` writes PMD.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document, parse
from schema.document.mixtures import cuts
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import quote

CODE = "LR210"
SLUG = "style-storage-mismatch"
SEVERITY = Severity.WARNING

LEAST_READ = 0.5  # of a dataset's tokens


def check(document: Document) -> Iterator[Diagnostic]:
    """Add up the tokens that fall into rows."""
    width, too_long = document.value("architecture/block_size") + 1, document.value("data/on_too_long")
    if document.given("data/on_too_long"):
        return
    for cut in cuts(document):
        if cut.name != "train" or cut.entry.values["style"] != "PADDED" or not document.given(cut.entry.path):
            continue
        read = sum(min(length, width) * documents for length, documents in cut.split.lengths.items())
        if read >= LEAST_READ * cut.split.tokens:
            continue
        path = f"{cut.entry.path}/style"
        message = (
            f"PADDED reads {100 * read / cut.split.tokens:.2g} % of the tokens of {quote(cut.entry.name)}: a row holds "
            f"{width:,}, and its documents have {cut.split.tokens // cut.split.documents:,} on average"
        )
        remedy = f"write style: PMD, a larger block_size, or data/on_too_long: {too_long} if this is meant"
        given = document.given(path)
        edit = document.edits.replace(parse(path), "PMD") if given else document.edits.insert(parse(path), "PMD")
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=fix(edit, safe=False))
