"""PADDED or PACKED leaves out much of a dataset of long documents, or PMD reads rows that are padded already.

*Why it is bad.* PADDED takes one row of each document, and cuts or drops what is beyond it; so does PACKED, which puts
several short ones into a row. On long plain text that silently loses most of the tokens; PMD reads them all. An example
with a prompt that is cut loses the end of its answer: the model never learns to stop, and where the prompt fills the
row, nothing. Where another program made padded rows with masks, PMD trains on all that they mask. Whoever writes
data/on_too_long has decided on what is cut, and hears nothing of it. Before there is a token store, the first records
of its files say about how long they are.

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

*Fix.* `--unsafe-fixes` writes PMD where documents have no prompts, and PADDED where they are padded rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import Entry, cuts, entries
from schema.document.records import has_prompts
from schema.environment import Split
from schema.rules._edits import put
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import quote

CODE = "LR210"
SLUG = "style-storage-mismatch"
SEVERITY = Severity.WARNING

LEAST_READ = 0.5  # of a dataset's tokens
MOST_CUT = 0.5  # of its examples, where these have prompts


def check(document: Document) -> Iterator[Diagnostic]:
    """Add up what falls into rows, and look for rows that are padded already."""
    for entry in {entry.key: entry for entry in reversed([*entries(document)])}.values():
        if entry.values["style"] == "PMD" and entry.dataset and entry.dataset.is_rows and document.given(entry.path):
            path = f"{entry.path}/style"
            message = f"{quote(entry.name)} is rows of examples with masks, and PMD trains on what they mask, too"
            written = fix(put(document, path, "PADDED"), safe=False)
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, "write style: PADDED", fix=written)
    yield from (found for _, found in cut_datasets(document))


def cut_datasets(document: Document) -> Iterator[tuple[Entry, Diagnostic]]:
    """Yield the finding of each dataset that has one, with its first entry."""
    if document.given("data/on_too_long"):
        return
    known = {cut.entry.key: cut for cut in cuts(document, ["train"])}
    for cut in known.values():
        if cut.entry.of_examples and document.given(cut.entry.path):
            yield from ((cut.entry, found) for found in _counted(document, cut.entry, cut.split))
    for entry in {entry.key: entry for entry in reversed([*entries(document)])}.values():
        if entry.of_examples and entry.key not in known and document.given(entry.path):
            yield from ((entry, found) for found in _estimated(document, entry))


def _counted(document: Document, entry: Entry, split: Split) -> Iterator[Diagnostic]:
    width = document.value("architecture/block_size") + 1
    read = sum(min(length, width) * documents for length, documents in split.lengths.items())
    longer = sum(documents for length, documents in split.lengths.items() if length > width)
    if has_prompts(document, entry) or (entry.dataset and entry.dataset.is_rows):
        if longer > MOST_CUT * split.documents:
            message = f"{longer:,} of the {split.documents:,} examples of {quote(entry.name)} are cut before they end"
            yield _finding(document, entry, f"{message}: a row holds {width:,} tokens", max(split.lengths))
    elif read < LEAST_READ * split.tokens:
        yield _finding(document, entry, _unread(document, entry, read / split.tokens, split.tokens / split.documents))


def _estimated(document: Document, entry: Entry) -> Iterator[Diagnostic]:
    """By the mean length alone, which says how much is read at most."""
    found = entry.dataset.estimate if entry.dataset else None
    if found is None:
        return
    width, mean = document.value("architecture/block_size") + 1, found.tokens / found.documents
    if width >= LEAST_READ * mean:
        return
    if has_prompts(document, entry):
        message = f"the first examples of {quote(entry.name)} have {mean:,.0f} tokens on average, and a row {width:,}"
        yield _finding(document, entry, f"{message}: they are cut before they end", round(mean) + 1)
    else:
        yield _finding(document, entry, f"{_unread(document, entry, width / mean, mean)}, by the first of them")


def _unread(document: Document, entry: Entry, share: float, mean: float) -> str:
    return (
        f"{entry.values['style']} reads {100 * share:.2g} % of the tokens of {quote(entry.name)}: a row holds "
        f"{document.value('architecture/block_size') + 1:,}, and its documents have {mean:,.0f} on average"
    )


def _finding(document: Document, entry: Entry, message: str, longest: int | None = None) -> Diagnostic:
    """The finding of plain text, or of examples with prompts where the length of one that should fit is given."""
    path, meant = f"{entry.path}/style", f"or data/on_too_long: {document.value('data/on_too_long')} if this is meant"
    if longest is not None:
        remedy = f"write a larger block_size, such as {longest - 1}, {meant}"
        return Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy)
    written = fix(put(document, path, "PMD"), safe=False)
    remedy = f"write style: PMD, a larger block_size, {meant}"
    return Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
