"""A text that is not among those the key takes.

*Why it is bad.* Only the values listed are implemented; any other would have to be guessed at.

*Bad*

```yaml
architecture:
  dtype:
    activation: bfloat
```

*Good*

```yaml
architecture:
  dtype:
    activation: bfloat16
```

*Fix.* Write one of the choices. `--fix` does where only the case differs, or the word is another program's for the same
(bf16, fp32, half); `--unsafe-fixes` writes the nearest.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.choices import SYNONYMS
from schema.check.findings import Problem
from schema.document import Document, parse
from schema.rules._field import names_a_method, only_case, written
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.wording import join, nearest, quote
from schema.tokenizers import ENCODINGS

CODE = "LR012"
SLUG = "invalid-choice"
SEVERITY = Severity.ERROR


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what the schema check found; styles, schedules and optimizers of others have rules of their own."""
    for problem in document.problems_of(SLUG):
        if problem.path[-1:] == ("style",) or names_a_method(problem.path, document):
            continue
        edit = document.edits.replace(problem.path, problem.instead) if problem.instead else None
        safe = only_case(problem, document) or _is_synonym(problem, document)
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(edit, safe=safe))
    yield from _encoding(document)


def _encoding(document: Document) -> Iterator[Diagnostic]:
    """What tokenizer/name may be depends on the backend."""
    name = document.value("tokenizer/name")
    if document.value("tokenizer/backend") != "tiktoken" or name is None or name in ENCODINGS:
        return
    near = nearest(name, ENCODINGS)
    listed = "" if near else f"; the choices are {', '.join(ENCODINGS)}"
    message, remedy = f"tokenizer/name can't be {quote(name)}{listed}", f"write {join(near or ENCODINGS, 'or')}"
    edit = document.edits.replace(parse("tokenizer/name"), near[0]) if len(near) == 1 else None
    where = document.span("tokenizer/name")
    yield Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy, fix=fix(edit, safe=False))


def _is_synonym(problem: Problem, document: Document) -> bool:
    """Whether the choice is another program's word for the one that is meant."""
    return problem.instead in SYNONYMS.get(written(problem.path, document).lower(), ())
