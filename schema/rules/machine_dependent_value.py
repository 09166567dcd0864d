"""A path holds a variable, is one of Windows, or lies in somebody's home folder.

*Why it is bad.* A variable is not filled in, so that `$SCRATCH/data` is a folder of that very name. What lies in a home
folder is one person's: others who run the spec have another path, which is good to know. Other absolute paths, such as
those of a cluster's disks, are left alone.

*Bad*

```yaml
data:
  root: /home/ann/data
```

*Good*

```yaml
data:
  root: /scratch/data
```

*Fix.* Write the path out. Where machines differ, write one from the working directory, or give the place on the command
line of each: `--set data/root=/home/ann/data`. Nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema.document import Document
from schema.document.source_paths import KEYS, written_paths
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR703"
SLUG = "machine-dependent-value"
SEVERITY = Severity.WARNING

ITSELF, HERE = "write the path itself", "write a path of this system"
RELATIVE = "write a path from the working directory"
# What each form of a path means, how bad that is, and what to do; the first that fits is reported.
FORMS = (
    (re.compile(r"\$\{?\w|\{\{|%\w+%"), "holds a variable, and variables are not filled in", SEVERITY, ITSELF),
    (re.compile(r"^file:"), "is an address, and a path is read", SEVERITY, ITSELF),
    (re.compile(r"^(?:[A-Za-z]:)?\\|^[A-Za-z]:/"), "is a path of Windows", SEVERITY, HERE),
    (re.compile(r"^~|^/(?:home|Users|root)/\w"), "lies in the home folder of one person", Severity.INFO, RELATIVE),
)


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at every key that holds a path and stands in the file, where `--set` is for one machine."""
    file = document.start.origin
    for path in _paths(document):
        where = document.span(path)
        text = document.value(path) if document.available(path) and where.origin is file else None
        if text and path.startswith("data/sources/") and text.startswith("file:"):
            continue  # a URL, whatever machine it is of: LR224 says it
        for meaning, severity, remedy in _found(str(text or "")):
            message = f"{path} {quote(str(text))} {meaning}"
            if not path.startswith("data/sources/"):
                remedy += f", or give it on each machine with --set {path}=…"
            yield Diagnostic(CODE, SLUG, severity, where, message, remedy)


def _found(text: str) -> list[tuple[str, Severity, str]]:
    """The first form that a path has, if any."""
    return [(meaning, severity, remedy) for form, meaning, severity, remedy in FORMS if form.search(text)][:1]


def _paths(document: Document) -> Iterator[str]:
    """Yield the keys that hold a path and were written."""
    keys = ("data/root", "architecture/pretrained", "tokenizer/name", "chat/template", "optimization/lora/init")
    yield from (path for path in keys if document.given(path))
    for path in document.found.nodes:
        if len(path) == 4 and path[:2] == ("data", "sources") and path[3] == KEYS[0]:
            yield from (key for key, _ in written_paths(document, str(path[2])))
