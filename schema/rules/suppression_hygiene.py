"""An ignore comment that silences nothing, names no rule, or names one that does not exist.

*Why it is bad.* A comment that outlives its finding would silence the next one too, which nobody has looked at.

*Bad*

```yaml after
mesh:
  data: 1 # lorarun: ignore[vocab-unaligned]
```

*Good*

```yaml after
mesh:
  data: 1
```

*Fix.* `--fix` removes the comment, or the name that does nothing from its list; `--unsafe-fixes` writes a misspelt name
as it was probably meant. Errors can't be silenced. While a spec has errors, a comment for other findings is left alone:
what is wrong may be what kept the comment from being used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from schema.document import Document
from schema.text.diagnostic import Diagnostic, Edit, Fix, Severity, Span, fix
from schema.text.suppression import COMMENT, Ignore, names_rule
from schema.text.wording import join, nearest, quote

CODE = "LR803"
SLUG = "suppression-hygiene"
SEVERITY = Severity.WARNING

# A name without brackets behind the comment.
BARE = re.compile(r"\s*[:=(]?\s*(?P<name>[A-Za-z][\w-]*)\)?")


def check(document: Document) -> Iterator[Diagnostic]:
    """Find nothing alone: `unused` is asked when all other rules have spoken."""
    yield from ()


def unused(ignores: Iterable[Ignore], names: Sequence[str]) -> Iterator[Diagnostic]:
    """Report the ignores that silenced nothing; `names` are the codes and slugs of all rules."""
    for ignore in ignores:
        written = fix(_removal(ignore), safe=True)
        if not ignore.slug:
            message, remedy = "the comment names no rule", "write ignore[slug]"
            if bare := _without_brackets(ignore, names):
                remedy, written = f"write ignore[{bare}]", _bracketed(ignore, bare)
        elif not _is_known(ignore.slug, names):
            near = nearest(ignore.slug, names)
            message = f"no rule is called {quote(ignore.slug)}"
            remedy = f"write {join(near, 'or')}" if near else "remove the comment"
            if near:
                written = fix(Edit(ignore.span, near[0]), safe=False) if len(near) == 1 else None
        else:
            message, remedy = f"the comment silences nothing that {quote(ignore.slug)} found", "remove the comment"
        yield Diagnostic(CODE, SLUG, SEVERITY, ignore.span, message, remedy, fix=written)


def _is_known(name: str, names: Sequence[str]) -> bool:
    return any(names_rule(name, each, each) for each in names)


def _without_brackets(ignore: Ignore, names: Sequence[str]) -> str:
    """The rule whose name stands behind the comment, without brackets; empty where none does."""
    found = BARE.match(_behind(ignore))
    return found["name"] if found and _is_known(found["name"], names) else ""


def _bracketed(ignore: Ignore, name: str) -> Fix | None:
    """Write the brackets around a name that stands behind the comment."""
    found = BARE.match(_behind(ignore))
    span = ignore.span._replace(end_column=ignore.span.end_column + (found.end() if found else 0))
    return fix(Edit(span, f"# lorarun: ignore[{name}]"), safe=False)


def _behind(ignore: Ignore) -> str:
    return ignore.span.origin.lines[ignore.span.line - 1][ignore.span.end_column - 1 :]


def _removal(ignore: Ignore) -> Edit | None:
    """Take a name out of its list; with the last one goes the comment, and its line when nothing else is on it."""
    span, line = ignore.span, ignore.span.origin.lines[ignore.span.line - 1]
    comment = next((found for found in COMMENT.finditer(line) if found.start() < span.column <= found.end()), None)
    if comment is None:
        return None
    listed = [*re.finditer(r"[^\s,]+", comment["slugs"] or "")]
    if len(listed) > 1:
        starts = [comment.start("slugs") + word.start() + 1 for word in listed]
        ends = [comment.start("slugs") + word.end() + 1 for word in listed]
        index = starts.index(span.column)
        cut = (span.column, starts[1]) if index == 0 else (ends[index - 1], ends[index])
        return Edit(Span(span.origin, span.line, cut[0], span.line, cut[1]), "")
    before = len(line[: comment.start()].rstrip())
    behind = next((found.start() for found in COMMENT.finditer(line, comment.end())), None)
    if behind is not None:
        return Edit(Span(span.origin, span.line, comment.start() + 1, span.line, behind + 1), "")
    if before:
        return Edit(Span(span.origin, span.line, before + 1, span.line, len(line) + 1), "")
    return Edit(Span(span.origin, span.line, 1, span.line + 1, 1), "")
