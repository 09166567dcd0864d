"""The style of a dataset does not suit what its documents are: PMD trains on prompts, PADDED keeps the top of a file.

*Why it is bad.* PMD supervises every token: of prompts and completions it learns to write the prompts, too, and the
loss says little of the answers. PADDED takes one row of each document: of a file of plain text that is its first few
hundred tokens, and all others are never read. Whoever writes data/on_too_long has decided on the second, and hears
nothing.

*Bad*

```yaml
data:
  sources:
    sums: {path: sums.jsonl, prompt: question, completion: answer}
training:
  pre_lora_dataset:
  - [{name: sums, rate: 1.0, style: PMD}]
```

*Good*

```yaml
data:
  sources:
    sums: {path: sums.jsonl, prompt: question, completion: answer}
training:
  pre_lora_dataset:
  - [{name: sums, rate: 1.0, style: PADDED}]
```

*Fix.* `--unsafe-fixes` writes the other style.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import Entry, entries
from schema.document.records import has_prompts, holds_conversations, is_one_text_a_file
from schema.rules._edits import put
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import quote

CODE = "LR220"
SLUG = "style-unfit"
SEVERITY = Severity.WARNING

LONGEST_ROW = 16_384  # tokens; most files of text fit a longer one


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare the style of each dataset with its documents, once for each."""
    seen = set()
    for entry in entries(document):
        if entry.key in seen or not document.given(entry.path):
            continue
        seen.add(entry.key)
        if entry.values["style"] == "PMD":
            yield from _prompts_learned(document, entry)
        elif entry.of_examples and not document.given("data/on_too_long"):
            yield from _files_cut(document, entry)


def _prompts_learned(document: Document, entry: Entry) -> Iterator[Diagnostic]:
    if has_prompts(document, entry) and not holds_conversations(document, entry):  # of which LR218 speaks
        message = f"{quote(entry.name)} has prompts and completions, and PMD supervises both, the prompts too"
        remedy = "write style: PADDED"
        if document.given(f"data/sources/{entry.name}"):
            remedy += ", or join both in a field text if this is meant"
        yield _finding(document, entry, message, remedy, "PADDED")


def _files_cut(document: Document, entry: Entry) -> Iterator[Diagnostic]:
    known = entry.dataset and (entry.dataset.store or entry.dataset.estimate)  # then LR210 counts
    width = document.value("architecture/block_size") + 1
    if not known and is_one_text_a_file(document, entry) and width <= LONGEST_ROW:
        what = "each file of the standard library" if entry.name == "pystdlib" else f"the file of {quote(entry.name)}"
        message = (
            f"{entry.values['style']} makes one row of {what}: its first {width:,} tokens, and the others are not read"
        )
        remedy = f"write style: PMD, or data/on_too_long: {document.value('data/on_too_long')} if this is meant"
        yield _finding(document, entry, message, remedy, "PMD")


def _finding(document: Document, entry: Entry, message: str, remedy: str, style: str) -> Diagnostic:
    path = f"{entry.path}/style"
    written = fix(put(document, path, style), safe=False)
    return Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, fix=written)
