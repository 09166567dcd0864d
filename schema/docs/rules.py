"""The documentation of a rule, from its docstring: Markdown that reads well outside of Python too."""

from __future__ import annotations

import re
from pathlib import Path

from schema.rules import NEED_ENVIRONMENT, RULES, Rule

FENCE = re.compile(r"^```(?P<language>[a-z]+)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"^\*([^*\n]+)\*", re.MULTILINE)
# In the example of a rule about something left out, this value takes a key away.
LEFT_OUT = re.compile(r"^(\s*)([\w/]+): DELETE$", re.MULTILINE)
MACHINE = "Needs facts of the machine: `validate --env` looks for them, and `exec` always does."


def summary(rule: Rule) -> str:
    """Return the one sentence that says what a rule reports."""
    return (rule.__doc__ or "").partition("\n\n")[0].strip().replace("\n", " ")


def needs_machine(rule: Rule) -> bool:
    """Whether a rule finds nothing, or not all, from the text alone."""
    return rule in NEED_ENVIRONMENT


def find_rule(name: str) -> Rule | None:
    """Return the rule of a code or slug, in any case."""
    names = (name.upper(), name.lower())
    return next((rule for rule in RULES if rule.CODE in names or rule.SLUG in names), None)


def address(slug: str) -> str:
    """Return the address of a rule's section in the page of all rules, which is installed with the linter."""
    return f"{Path(__file__).absolute().with_name('RULES.md').as_uri()}#{slug}"


def documentation(rule: Rule) -> str:
    """Return the text of a rule's docstring, without a heading, as Markdown for users."""
    text = FENCE.sub(_example, (rule.__doc__ or "").strip())
    text = TITLE.sub(lambda title: f"**{'On a machine with' if title[1] == 'On' else title[1]}**", text)
    return f"{text}\n\n{MACHINE}" if needs_machine(rule) else text


def _example(fence: re.Match[str]) -> str:
    """Take what only tests need to know out of an example, and make a command line of what is a part of one."""
    language, body = fence["language"], LEFT_OUT.sub(r"\1# no \2", fence["body"])
    if language == "sh":
        body = f"lorarun validate spec.yaml {body}"
    return f"```{language}\n{body}```"
