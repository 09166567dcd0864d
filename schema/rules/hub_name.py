"""A dataset of the hub, or a part of it, is written in a form that stands for none.

*Why it is bad.* A dataset of the hub is OWNER/NAME, as the hub's page of it shows, perhaps with a branch, a tag or a
commit: OWNER/NAME@REVISION. Its rows are a split, `train`, or the rows of one between two numbers, `train[:1000]`. The
run would find nothing by another name. Rows to validate on are others than those to train on.

*Bad*

```yaml
data:
  sources:
    stories: {hub: "https://huggingface.co/datasets/roneneldan/TinyStories"}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: stories, rate: 1.0, style: PMD}
```

*Good*

```yaml
data:
  sources:
    stories: {hub: roneneldan/TinyStories}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: stories, rate: 1.0, style: PMD}
```

*Fix.* `--fix` writes the name that an address stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema.document import Document, parse
from schema.document.hub import written_name
from schema.document.hub_rows import overlap, read_rows
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.paths import listed
from schema.text.wording import quote

CODE = "LR234"
SLUG = "hub-name"
SEVERITY = Severity.ERROR

ADDRESS = re.compile(
    r"(?:https?://(?:huggingface\.co|hf\.co)/|hf:/*)?(?:datasets/)?"
    r"(?P<name>[\w.-]+/[\w.-]+?)(?:(?:/tree/|@|:)(?P<revision>[\w./-]+?))?/?"
)


def check(document: Document) -> Iterator[Diagnostic]:
    """Read the names and rows of all hub datasets."""
    for name in document.value("data/sources"):
        source = f"data/sources/{name}"
        is_hub = document.source_names(name, "hub")
        for key, look in (("hub", _name), ("split", _rows), *([("validation", _rows)] if is_hub else ())):
            path = f"{source}/{key}"
            if document.given(path) and document.available(path) and document.value(path) is not None:
                yield from look(document, path, document.value(path))
        if is_hub and all(document.available(f"{source}/{key}") for key in ("split", "validation")):
            yield from _trained_on(document, source)


def _name(document: Document, path: str, written: str) -> Iterator[Diagnostic]:
    if written_name(written):
        return
    message = f"{path} {quote(written)} is no dataset's name"
    remedy, fixed = "write OWNER/NAME, as its page shows", None
    address = ADDRESS.fullmatch(written)
    meant = "@".join(filter(None, address.group("name", "revision"))) if address else ""
    if meant and written_name(meant):
        remedy, fixed = f"write {meant}", fix(document.edits.replace(parse(path), meant), safe=True)
    elif re.fullmatch(r"[\w.-]+", written):
        message, remedy = f"{path} {quote(written)} has no owner", f"write OWNER/{written}, as its page shows"
    yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=fixed)


def _rows(document: Document, path: str, written: str | list[str]) -> Iterator[Diagnostic]:
    if isinstance(written, list) or read_rows(written) is None:
        message = f"{path} {quote(', '.join(listed(written)))} is neither a split nor rows of one"
        remedy = "write a split, train, or its rows between two numbers, train[:1_000_000]"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)


def _trained_on(document: Document, source: str) -> Iterator[Diagnostic]:
    split, validation = (document.value(f"{source}/{key}") for key in ("split", "validation"))
    train, val = (read_rows(each) if isinstance(each, str) else None for each in (split, validation))
    if train and val and overlap(train, val):
        path = f"{source}/validation"
        message = f"{path} {quote(validation)} has rows that are trained on, which are {quote(split)}"
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, "name other rows")
