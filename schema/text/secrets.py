"""Credentials in the text of a spec: found by their form, and hidden before anything else reads the text.

Whatever is parsed, quoted, drawn or written later is made of the hidden text, so that no output can hold a
credential. Each letter becomes an x, so that places stay what they are, and names stay names.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from functools import cache
from math import log2
from typing import NamedTuple

HIDDEN = "x"
PRIVATE = "a private key"
# Without one of these, or a long word, a text holds no credential.
MARKS = ("PRIVATE KEY", "://", "hf_", "_pat_", "glpat-", "sk-", "AKIA", "ASIA", "AIza", "xox", "eyJ")
LONG_WORD = re.compile(r"[A-Za-z0-9+/=]{20}")


class Secret(NamedTuple):
    """Where a credential stands in a text, counted from 1; what it is, and the environment variable for it.

    Of one that goes over several lines the head is named.
    """

    line: int
    column: int
    end_column: int
    kind: str
    variable: str


class _Form(NamedTuple):
    """What a kind of credential looks like; the group `secret` is one if `random` says that it is no placeholder."""

    kind: str
    variable: str
    pattern: re.Pattern[str]
    random: Callable[[str], bool]


def hide(text: str) -> tuple[str, tuple[Secret, ...]]:
    """Return a text with every letter of its credentials hidden, and where they stand."""
    found: list[tuple[int, int, _Form]] = []
    if not (any(mark in text for mark in MARKS) or LONG_WORD.search(text)):
        return text, ()
    for form in _forms():

        def covered(match: re.Match[str], form: _Form = form) -> str:
            start, end = match.span("secret")
            if not form.random(match["secret"]):
                return match[0]
            found.append((match.start(), start, form) if form.kind == PRIVATE else (start, end, form))
            signs = "".join(letter if letter.isspace() else HIDDEN for letter in match["secret"])
            return match[0][: start - match.start()] + signs + match[0][end - match.start() :]

        text = form.pattern.sub(covered, text)
    lines = [0, *(line.end() for line in re.finditer(r"\r\n|\n|\r", text))] if found else []
    return text, tuple(_secret(lines, *each) for each in sorted(found, key=lambda each: each[0]))


def _secret(lines: list[int], start: int, end: int, form: _Form) -> Secret:
    """Place a credential; `lines` are the indexes at which lines begin."""
    line = bisect_right(lines, start)
    column = start - lines[line - 1] + 1
    return Secret(line, column, column + end - start, form.kind, form.variable)


def _random(text: str) -> bool:
    """Whether the letters of a text differ as chance would have it: 3 bits a letter and more (Shannon 1948)."""
    return -sum(times / len(text) * log2(times / len(text)) for times in Counter(text).values()) >= 3.0


def _varied(text: str) -> bool:
    """Whether a text is more than one letter repeated."""
    return len(set(text)) > 1


def _mixed(text: str) -> bool:
    """Whether letters and digits stand together at random, as they don't in names."""
    return _random(text) and any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text)


def _lumped(text: str) -> bool:
    """Whether a part of a text is random, between its dashes."""
    return any(_mixed(part) for part in re.findall(r"[A-Za-z0-9]{16,}", text))


def _form(kind: str, variable: str, pattern: str, random: Callable[[str], bool] = _random) -> _Form:
    """A form that begins where a word does, so that no long word is searched twice."""
    return _Form(kind, variable, re.compile(rf"(?<![A-Za-z0-9_-]){pattern}"), random)


def _named(kind: str, variable: str, pattern: str) -> _Form:
    """A form behind a key that says what it is: api_key: …, "token" = …"""
    key = r"(?i:key|token|secret|password|passwd|credentials?|wandb)[\"']?[ \t]{0,20}[:=][ \t]{0,20}[\"']?"
    return _Form(kind, variable, re.compile(rf"{key}(?P<secret>{pattern})(?![\w.+/-])"), _mixed)


@cache
def _forms() -> tuple[_Form, ...]:
    """All forms, made when a text first looks as if it held one; the first that fits is reported."""
    private = re.compile(
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<secret>(?:(?:\\n|\s)+[A-Za-z0-9+/=]{16,})+(?:(?:\\n|\s)+[A-Za-z0-9+/=]+(?=(?:\\n|\s)+-----END))?)"
    )
    return (
        _Form(PRIVATE, "", private, _random),
        _form("a Hugging Face token", "HF_TOKEN", r"hf_(?P<secret>[A-Za-z0-9]{30,})"),
        _form("a GitHub token", "GITHUB_TOKEN", r"(?:gh[pousr]_|github_pat_)(?P<secret>[A-Za-z0-9_]{30,})"),
        _form("a GitLab token", "GITLAB_TOKEN", r"glpat-(?P<secret>[A-Za-z0-9_-]{20,})"),
        _form("an API key", "", r"sk-(?P<secret>[A-Za-z0-9_-]{20,})", _lumped),
        _form("an AWS access key", "AWS_ACCESS_KEY_ID", r"(?:AKIA|ASIA)(?P<secret>[A-Z0-9]{16})(?![A-Za-z0-9_-])"),
        _form("a Google API key", "GOOGLE_API_KEY", r"AIza(?P<secret>[A-Za-z0-9_-]{35})"),
        _form("a Slack token", "SLACK_TOKEN", r"xox[abeoprs]-(?P<secret>[A-Za-z0-9-]{20,})"),
        _form("a JSON web token", "", r"eyJ(?P<secret>[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"),
        _form(
            "a password",
            "",
            r"[A-Za-z][A-Za-z0-9+.]{1,12}://[^/\s:@'\"]{0,64}:(?P<secret>[^/\s@'\"$<{]{3,128})@",
            _varied,
        ),
        _Form(
            "a signature",
            "",
            re.compile(
                r"[?&](?i:x-amz-signature|x-goog-signature|signature|sig|token|access_token|key)="
                r"(?P<secret>[A-Za-z0-9%+/=_.~-]{16,})"
            ),
            _random,
        ),
        _named("a Weights & Biases key", "WANDB_API_KEY", r"[0-9a-f]{40}"),
        _named("a secret", "", r"[A-Za-z0-9+=]{20,}"),
        _named("a secret", "", r"[A-Za-z0-9+/]{40}"),
    )
