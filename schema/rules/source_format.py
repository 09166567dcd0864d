"""The path of a source names files of a format that is not read, or a URL.

*Why it is bad.* A source is files of text (.txt, .md) or of records (.jsonl, .json, .csv, .tsv, .parquet, .arrow),
those of text also packed with gzip, zstd or bzip2; on this machine, or at an address of https, s3, gs or hf. Nothing
else is unpacked or converted, so the run would find nothing to read.

*Bad*

```yaml
data:
  sources:
    web: {path: web/*.xlsx}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Good*

```yaml
data:
  sources:
    web: {path: web/*.csv.gz}
training:
  pre_lora_tokens: [1_024_000]
  pre_lora_dataset:
  - - {name: web, rate: 1.0, style: PMD}
```

*Fix.* Convert the files, and name what came of them; nothing is written. A folder whose name ends as a file's does is
written with a slash at its end: `corpus.xls/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema.document import Document
from schema.document.file_kinds import ANY_KIND, KINDS, PACKINGS, TABLES, kind_of
from schema.document.mixtures import entries
from schema.document.remote import PROTOCOLS, file_name, is_pattern, protocol_of
from schema.document.source_paths import written_paths
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import join, quote

CODE = "LR224"
SLUG = "source-format"
SEVERITY = Severity.ERROR

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # also what is left of one whose slashes were joined
SAME = {
    **dict.fromkeys((".ndjson", ".jsonlines", ".ldjson", ".jl"), ".jsonl"),
    **dict.fromkeys((".pq", ".parq"), ".parquet"),
    **dict.fromkeys((".markdown", ".mdown"), ".md"),
    ".ipc": ".arrow",
    ".tab": ".tsv",
    ".gzip": ".gz",
    ".zstd": ".zst",
    ".bzip2": ".bz2",
}
PACKED = "xz lz4 br z lzma"
ARCHIVES = "zip tar tgz tbz2 txz 7z rar"
SHEETS = "xls xlsx ods feather orc avro dta sav"
PLAIN = "rst text log tex html htm xml py ipynb c cpp h java js ts go rs"
PRINTED = "pdf doc docx odt rtf epub djvu"
BINARY = "npy npz pt pth pkl pickle h5 hdf5 tfrecord safetensors gguf db sqlite sqlite3 mdb lmdb mds"
REMEDIES = {
    **dict.fromkeys(ARCHIVES.split(), "unpack it, and name the files that were in it"),
    **dict.fromkeys(SHEETS.split(), "convert it to .parquet or .csv"),
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
        if entry.name in seen:
            continue
        seen.add(entry.name)
        is_found = entry.dataset is not None and entry.dataset.source
        for key, path in written_paths(document, entry.name):
            if is_found and not protocol_of(path):  # of a server nobody has asked
                continue
            if found := unread(path):
                what, remedy = found
                yield Diagnostic(CODE, SLUG, SEVERITY, document.span(key), f"{key} {quote(path)} {what}", remedy)


def unread(path: str) -> tuple[str, str] | None:
    """Say why what a path names is not read, by how the path looks, and what to do; None where it may be read."""
    if path.startswith("file:/"):
        return "is a URL, and paths are read", f"write {quote('/' + path.removeprefix('file:').lstrip('/'))}"
    if protocol := protocol_of(path):
        if protocol in ("https", "http") and is_pattern(path):
            return "is a pattern, and a web server lists no files", "name each file in a list, path: [URL, URL]"
        return unread(file_name(path))
    if URL.match(path):
        read = join([f"{each}://" for each in PROTOCOLS], "and")
        return f"is a URL, and of those {read} are read", "fetch its files, and write where they lie"
    if kind_of(path):
        return None
    stem, dot, ending = path.rpartition(".")
    if not dot:
        return None
    what = f"names no {ANY_KIND}"
    lower = f".{ending.lower()}"
    known = SAME.get(lower, lower)
    if known in KINDS or (known in PACKINGS and known != lower and kind_of(stem)):
        return what, f"rename them: {quote(stem + known)}"
    if known in PACKINGS:
        return _packed(stem, known)
    if ending.lower() in PACKED.split():
        inner = f", and write {quote(stem)}" if kind_of(stem) else ""
        return what, f"unpack them{inner}"
    remedy = REMEDIES.get(ending.lower())
    return (what, remedy) if remedy else None


def _packed(stem: str, packing: str) -> tuple[str, str] | None:
    """Say why files of a known packing are not read: by what is packed in them."""
    if stem.endswith(TABLES):
        return f"names tables that are packed as {packing}, and their columns are packed already", (
            f"unpack them, and write {quote(stem)}"
        )
    if stem.endswith(".tar"):
        return f"names no {ANY_KIND}", REMEDIES["tar"]
    if "." in stem.rsplit("/", 1)[-1]:
        return None
    return (
        f"names {packing} files that don't say what is packed in them",
        f"rename them: {quote(f'{stem}.jsonl{packing}')}",
    )
