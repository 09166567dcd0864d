"""A key or value is written under a name that it had before, or that other programs give it.

*Why it is bad.* It is read as the new one today, and unknown one day.

*Bad*

```yaml
training:
  post_lora_dataset: DELETE
  post_lora_datasets:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Good*

```yaml
training:
  post_lora_dataset:
  - [{name: chat, rate: 1.0, style: PADDED}]
```

*Fix.* Write the new name, which `--fix` does; a single value goes along where the key stands in another section now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema.check.findings import show
from schema.check.renamed import RENAMED
from schema.document import Document, parse
from schema.text.diagnostic import Diagnostic, Edit, Severity, Span, fix
from schema.text.source import Mapping, Node, Path, Scalar

CODE = "LR013"
SLUG = "deprecated-key"
SEVERITY = Severity.WARNING

COMMENT = re.compile(r"\s#.*")  # behind a key with a plain value, in which no # stands behind a space


def check(document: Document) -> Iterator[Diagnostic]:
    """Report what was found when old names were read."""
    for problem in document.problems_of(SLUG):
        if problem.instead:  # a value
            edits = [document.edits.replace(problem.path, problem.instead)]
        else:
            edits = _edits(document, problem.path, parse(RENAMED[show(problem.path)].key))
        yield problem.diagnostic(CODE, SLUG, SEVERITY, fix(*edits, safe=True))


def _edits(document: Document, old: Path, new: Path) -> list[Edit | None]:
    """Rename within a mapping; take a single value to another one."""
    if old[:-1] == new[:-1]:
        return [document.edits.rename(old, str(new[-1]))]
    node = document.found.nodes.get(new)
    text = node.text if isinstance(node, Scalar) and node.plain else ""
    if text and old[:-1] == new[:-2] and _alone(document.root, old):
        return [document.edits.rename(old, str(new[-2])), document.edits.replace(old, f"{{{new[-1]}: {text}}}")]
    removed, added = document.edits.remove(old), document.edits.insert(new, text) if text else None
    whole = None if removed else _lone_section(document, old)
    if not added or not (removed or whole):
        return [None]
    added, taken = _with_comments(document.found.keys[new].span, added)
    if whole:
        removed, taken = whole, [each for each in taken if not _within(each.span, whole.span)]
    assert removed
    if _within(added.span, removed.span):  # one edit in place of two that touch
        span, text = removed.span, added.text
        if text.startswith("\n"):
            return [Edit(span, f"{text[1:]}\n"), *taken]
        if span.origin.lines[span.line - 1][: span.column - 1].rstrip().endswith("{"):
            return [Edit(span, text.removeprefix(", "))]
    return [removed, added, *taken]


def _with_comments(key: Span, added: Edit) -> tuple[Edit, list[Edit]]:
    """Take along the comments of a key that moves: the one behind it, and those on the lines above it.

    Returns the insertion with them, and the edits that they need elsewhere.
    """
    lines, target = key.origin.lines, added.span
    line, indent = lines[key.line - 1], key.column - 1
    behind = COMMENT.search(line) if not line[:indent].strip() else None
    comment, above = behind[0].strip() if behind else "", _comments_above(key)
    moved = [each.strip() for each in lines[key.line - 1 - above : key.line - 1]]
    gone = [Edit(Span(key.origin, key.line - above, 1, key.line, 1), "")] if above else []
    if added.text.startswith("\n"):
        *parents, last = added.text.split("\n")
        margin = last[: len(last) - len(last.lstrip())]
        last = f"{last}  {comment}" if comment else last
        return added._replace(text="\n".join([*parents, *(f"{margin}{each}" for each in moved), last])), gone
    # Into braces: a comment stands behind their line, and all but one above it.
    whole = lines[target.line - 1]
    if comment and "#" in whole:
        moved, comment = [*moved, comment], ""
    end, margin = len(whole.rstrip()) + 1, whole[: len(whole) - len(whole.lstrip())]
    if comment:
        gone.append(Edit(target._replace(column=end, end_column=end), f"  {comment}"))
    if moved:
        written = "".join(f"{margin}{each}\n" for each in moved)
        gone.append(Edit(Span(key.origin, target.line, 1, target.line, 1), written))
    return added, gone


def _comments_above(key: Span) -> int:
    """How many lines right above a key are comments of its own indent; those at the top of the file are the file's."""
    lines, found = key.origin.lines, 0
    while key.line - 2 - found >= 0 and lines[key.line - 2 - found].startswith(" " * (key.column - 1) + "#"):
        found += 1
    return found if key.line - 1 - found > 0 else 0


def _lone_section(document: Document, old: Path) -> Edit | None:
    """Take out a section with its only key, where nothing but comments of that key stands between them."""
    key = document.edits.key(old) if _alone(document.root, old) else None
    section = document.edits.key(old[:-1]) if key and len(old) == 2 else None
    if key is None or section is None or key.span.line - section.span.line - 1 != _comments_above(key.span):
        return None
    return Edit(Span(key.span.origin, section.span.line, 1, key.span.line + 1, 1), "")


def _alone(tree: Node, path: Path) -> bool:
    """Whether a key is the only one of its mapping."""
    for part in path[:-1]:
        tree = next(value for key, value in tree.entries if key.text == part) if isinstance(tree, Mapping) else tree
    return isinstance(tree, Mapping) and len(tree.entries) == 1


def _within(place: Span, span: Span) -> bool:
    """Whether an insertion falls into a text that is taken out."""
    return (span.line, span.column) <= (place.line, place.column) <= (span.end_line, span.end_column)
