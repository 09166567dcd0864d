"""A path means something else on another machine: it is absolute, or holds `~` or a variable.

*Why it is bad.* A spec is to be run by others, and elsewhere; a run that finds other data under the same path looks
fine. Variables are not filled in at all.

*Bad*

```yaml
data:
  root: /home/ann/data
```

*Good*

```yaml
data:
  root: data
```

*Fix.* Write a path from the working directory, or give the place on the command line of each machine:
`--set data/root=/home/ann/data`. Nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.wording import quote

CODE = "LR703"
SLUG = "machine-dependent-value"
SEVERITY = Severity.WARNING

# What each form of a path means; the first that fits is reported.
FORMS = (
    (re.compile(r"\$\{?\w|\{\{|%\w+%"), "holds a variable, and variables are not filled in"),
    (re.compile(r"^~"), "starts in the home folder of whoever runs it"),
    (re.compile(r"^(?:[/\\]|[A-Za-z]:[/\\]|file:)"), "is an absolute path, which another machine does not have"),
)


def check(document: Document) -> Iterator[Diagnostic]:
    """Look at every key that holds a path and stands in the file, where `--set` is for one machine."""
    file = document.start.origin
    for path in _paths(document):
        where = document.span(path)
        text = document.value(path) if document.available(path) and where.origin is file else None
        meaning = next((meaning for form, meaning in FORMS if form.search(text)), None) if text else None
        if meaning:
            message = f"{path} {quote(str(text))} {meaning}"
            remedy = "write a path from the working directory"
            if not path.startswith("data/sources/"):
                remedy += f", or give it on each machine with --set {path}=…"
            yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy)


def _paths(document: Document) -> Iterator[str]:
    """Yield the keys that hold a path and were written."""
    keys = ("data/root", "architecture/pretrained", "tokenizer/name", "chat/template", "optimization/lora/init")
    yield from (path for path in keys if document.given(path))
    for path in document.found.nodes:
        if len(path) == 4 and path[:2] == ("data", "sources") and path[3] == "path":
            yield f"data/sources/{path[2]}/path"
