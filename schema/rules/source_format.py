"""The path of a source names files of a format that is not read, or a URL.

*Why it is bad.* A source is .txt, .jsonl or .parquet files on this machine. Nothing is unpacked, converted or
downloaded, so the run would find nothing to read.

*Bad*

```yaml
data:
  sources:
    web: {path: web/*.jsonl.gz}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Good*

```yaml
data:
  sources:
    web: {path: web/*.jsonl}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Fix.* Convert the files, and name what came of them; nothing is written. A folder whose name ends as a file's does is
written with a slash at its end: `corpus.csv/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema.document import Document
from schema.document.mixtures import entries
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR224"
SLUG = "source-format"
SEVERITY = Severity.ERROR

SUFFIXES = (".txt", ".jsonl", ".parquet")  # of the files that are read
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # also what is left of one whose slashes were joined
SAME = {".ndjson": ".jsonl", ".jsonlines": ".jsonl", ".ldjson": ".jsonl", ".pq": ".parquet", ".parq": ".parquet"}
PACKED = "gz bz2 xz zst zstd lz4 br z"
ARCHIVES = "zip tar tgz tbz2 txz 7z rar"
TABLES = "csv tsv xls xlsx ods arrow feather orc avro dta sav"
PLAIN = "md markdown rst text log tex html htm xml py ipynb c cpp h java js ts go rs"
PRINTED = "pdf doc docx odt rtf epub djvu"
BINARY = "npy npz pt pth pkl pickle h5 hdf5 tfrecord safetensors gguf db sqlite sqlite3 mdb lmdb mds"
REMEDIES = {
    **dict.fromkeys(ARCHIVES.split(), "unpack it, and name the files that were in it"),
    **dict.fromkeys(TABLES.split(), "convert it to .parquet, or to .jsonl with one record a line"),
    "json": "write one record a line into a .jsonl file",
    **dict.fromkeys(("yaml", "yml", "toml"), "write one record a line into a .jsonl file"),
    **dict.fromkeys(PLAIN.split(), "copy its text to a .txt file"),
    **dict.fromkeys(PRINTED.split(), "extract its text into a .txt file"),
    **dict.fromkeys(BINARY.split(), "name the text that it was made from"),
    **dict.fromkeys(("bin", "idx"), "for token ids of another program name their folder, or prefix, with tokens"),
}


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at how the path of each source ends that a mixture names, and whose files nobody has found yet."""
    seen = set()
    for entry in entries(document):
        key = f"data/sources/{entry.name}/path"
        if key in seen or not document.given(key) or not document.available(key):
            continue
        seen.add(key)
        path = document.value(key)
        found = unread(path) if path else None
        if found and not (entry.dataset and entry.dataset.source):
            what, remedy = found
            message = f"{key} {quote(path)} {what}"
            yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), message, remedy)


def unread(path: str) -> tuple[str, str] | None:
    """Say why what a path names is not read, by how the path looks, and what to do; None where it may be read."""
    if path.startswith("file:/"):
        return "is a URL, and paths are read", f"write {quote('/' + path.removeprefix('file:').lstrip('/'))}"
    if URL.match(path):
        return "is a URL, and nothing is downloaded", "fetch its files, and write where they lie"
    stem, dot, ending = path.rpartition(".")
    if not dot or path.endswith(SUFFIXES):
        return None
    what = f"names .{ending} files, and {join(SUFFIXES, 'and')} are read"
    lower = f".{ending.lower()}"
    if lower in SUFFIXES or lower in SAME:
        return what, f"rename them: {quote(stem + SAME.get(lower, lower))}"
    if ending.lower() in PACKED.split():
        inner = f", and write {quote(stem)}" if stem.endswith(SUFFIXES) else ""
        return what, f"unpack them{inner}"
    remedy = REMEDIES.get(ending.lower())
    return (what, remedy) if remedy else None
