"""The parser events of a YAML text, by libyaml where it reads what ruamel.yaml reads, and else by ruamel.yaml.

ruamel.yaml decides what a spec says: it reads YAML 1.2, and its errors say where. libyaml takes a thirtieth of the
time, and on plain texts, which specs are, its events and their places are the same: the tests hold the two against
each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml  # type: ignore[import-untyped]

MOST_EVENTS = 50_000  # above what any spec within the limits has
# Where the two may differ, in comments too: control characters, tabs among them, and the line ends of YAML 1.1.
_CONTROL = re.compile("[\0-\t\v-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# And outside comments: anchors, aliases, tags, block scalars, directives and keys behind '?'; a colon right behind a
# closing sign; the marks of a document.
_UNUSUAL = re.compile(r"[&*!|>%?]|[\]}\"']:|^---|^\.\.\.", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^ *#.*$", re.MULTILINE)


def plain_events(text: str) -> list[Any] | None:
    """Read a text by libyaml; None where ruamel.yaml has to: after an error, or where the two may differ."""
    is_plain = text.endswith("\n") and not _CONTROL.search(text) and not _UNUSUAL.search(_COMMENT_LINE.sub("", text))
    if not is_plain or not hasattr(yaml, "CSafeLoader"):
        return None
    try:
        events = list(islice(yaml.parse(text, Loader=yaml.CSafeLoader), MOST_EVENTS))
    except yaml.YAMLError:
        return None
    return None if len(events) == MOST_EVENTS or any(map(_is_empty, events)) else events


def all_events(text: str) -> Iterator[Any]:
    """Read any text by ruamel.yaml, whose errors escape while it is read."""
    from ruamel.yaml import YAML

    events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
    return events


def _is_empty(event: Any) -> bool:
    """Whether an event is a value that is not written: the two place it differently."""
    return isinstance(event, yaml.ScalarEvent) and not event.style and not event.value
