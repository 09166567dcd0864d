"""A value without quotes that readers of YAML 1.1 and 1.2 take for different things.

*Why it is bad.* lorarun reads YAML 1.2, in which 3e-4 is a number and no is a word. PyYAML and many other tools read
1.1, where 3e-4 is text, no is false and 0512 is 330. Scripts over the same spec would see another run.

*Bad*

```yaml whole
tokenizer: {backend: byte}
training:
  pre_lora_tokens: [262_144_000]
  pre_lora_dataset: [[{name: web, rate: 1.0, style: PMD}]]
  post_lora_tokens: [26_214_400]
  post_lora_dataset: [[{name: chat, rate: 1.0, style: PADDED, suffix: no}]]
optimization:
  lr: 3e-4
  lora: {rank: 16, target_modules: [attn, mlp]}
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
# A number that lorarun reads, cut into its parts.
DECIMAL = re.compile(r"(?P<sign>[-+]?)(?P<whole>[0-9_]*)(?P<part>\.[0-9_]*)?(?:[eE](?P<power>[-+]?[0-9]+))?")
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
    if OCTAL.fullmatch(text):
        octal = int(text.replace("_", ""), 8)
        return str(octal) if octal != node.value else ""
    return "" if NUMBER.fullmatch(text) else "text"


def _kind(node: Scalar) -> str:
    """Say what lorarun takes a value for."""
    if isinstance(node.value, str):
        return f"{quote(node.text)} is text"
    return f"{node.text} is {node.value:g}" if OCTAL.fullmatch(node.text) else f"{node.text} is a number"


def _read(document: Document, path: Path) -> Any:
    """The value that the run uses."""
    value: Any = document.values
    for part in path:
        value = value[part]
    return value


def _portable(node: Scalar, value: Any) -> str:
    """Spell a value so that all readers take it for the same."""
    written = DECIMAL.fullmatch(node.text)
    if isinstance(value, str):
        return f'"{node.text}"'
    if not isinstance(value, float) or not written:
        return str(value)
    whole, part = written["whole"].lstrip("0_") or "0", written["part"] or ".0"
    power = f"e{int(written['power']):+d}" if written["power"] else ""
    return f"{written['sign']}{whole}{part if len(part) > 1 else '.0'}{power}"
