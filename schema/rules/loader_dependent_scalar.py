"""A value without quotes that readers of YAML 1.1 and 1.2 take for different things.

*Why it is bad.* lorarun reads YAML 1.2, in which no is a word and 0512 the number 512. PyYAML and many other tools read
1.1, where no is false and 0512 is 330. Scripts over the same spec would see another run. A number such as 3e-4, which
they take for text, is left alone: whoever counts with it fails at once, and it is what everybody writes.

*Bad*

```yaml whole
tokenizer: {backend: byte}
training:
  pre_lora_tokens: [262_144_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED, suffix: no}]]
optimization:
  lr: 3.0e-4
  lora: {rank: 016, target_modules: [attn, mlp]}
```

*Good*

```yaml whole
tokenizer: {backend: byte}
training:
  pre_lora_tokens: [262_144_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED, suffix: "no"}]]
optimization:
  lr: 3.0e-4
  lora: {rank: 16, target_modules: [attn, mlp]}
```

*Fix.* `--fix` writes the spelling that all readers take for what lorarun does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from schema.check.findings import show
from schema.document import Document
from schema.text.diagnostic import Diagnostic, Severity, fix
from schema.text.scalars import spelled
from schema.text.source import Path, Scalar
from schema.text.wording import quote

CODE = "LR801"
SLUG = "loader-dependent-scalar"
SEVERITY = Severity.WARNING

# How PyYAML, the most used reader of YAML 1.1, resolves plain values.
NUMBER = re.compile(
    r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)"
    r"|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
)
OCTAL = re.compile(r"[-+]?0[0-7_]+")
DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|\s+)[0-9].*)?")
WORDS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
# A longer text is neither a number nor a word.
LONGEST = 60


def check(document: Document) -> Iterator[Diagnostic]:
    """Compare both readings of every value that was accepted, and of the names in data/sources."""
    reported: set[int] = set()
    for path, node in document.found.nodes.items():
        if not isinstance(node, Scalar) or not _plain(document, node) or id(node) in reported:
            continue
        otherwise = _otherwise(node)
        if otherwise and not any(path[:depth] in document.found.failed for depth in range(len(path) + 1)):
            reported.add(id(node))
            instead = _portable(node, _read(document, path))
            message = f"{show(path)}: {_kind(node)} here, and {otherwise} to readers of YAML 1.1"
            written = fix(document.edits.replace(path, instead), safe=True)
            yield Diagnostic(CODE, SLUG, SEVERITY, node.span, message, f"write {instead}", fix=written)
    for path, key in document.found.keys.items():
        named = path[:2] == ("data", "sources") and len(path) == 3 and isinstance(key.value, str)
        if named and path not in document.found.failed and _plain(document, key) and _otherwise(key):
            message = f"the name {quote(key.text)} is text here, and {_otherwise(key)} to readers of YAML 1.1"
            written = fix(document.edits.rename(path, f'"{key.text}"'), safe=True)
            yield Diagnostic(CODE, SLUG, SEVERITY, key.span, message, f'write "{key.text}"', fix=written)


def _plain(document: Document, node: Scalar) -> bool:
    """Whether a value stands in the file, and without quotes."""
    return node.plain and node.span.origin is document.start.origin and len(node.text) <= LONGEST


def _otherwise(node: Scalar) -> str:
    """Say what a reader of YAML 1.1 takes a value for; empty where that is what lorarun does."""
    text = node.text
    if isinstance(node.value, bool) or node.value is None:
        return ""
    if isinstance(node.value, str):
        if text in (text.lower(), text.upper(), text.capitalize()) and text.lower() in WORDS:
            return WORDS[text.lower()]
        return "a date" if DATE.fullmatch(text) else "a number" if NUMBER.fullmatch(text) else ""
    octal = int(text.replace("_", ""), 8) if OCTAL.fullmatch(text) else node.value
    return str(octal) if octal != node.value else ""


def _kind(node: Scalar) -> str:
    """Say what lorarun takes a value for."""
    if isinstance(node.value, str):
        return f"{quote(node.text)} is text"
    return f"{node.text} is {node.value:g}"


def _read(document: Document, path: Path) -> Any:
    """The value that the run uses."""
    value: Any = document.values
    for part in path:
        value = value[part]
    return value


def _portable(node: Scalar, value: Any) -> str:
    """Spell a value so that all readers take it for the same."""
    if isinstance(value, str):
        return f'"{node.text}"'
    return spelled(value) if isinstance(value, float) else str(value)
