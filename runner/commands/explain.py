"""`lorarun explain`: what a rule reports and why, or what a key of the spec is."""

from __future__ import annotations

import click

from runner.commands.exits import TRACEBACK, leave_cleanly
from runner.commands.options import FORMAT

LISTED = "`lorarun rules` lists the rules, `lorarun explain training` the keys of a section, `lorarun schema` all keys"


@click.command("explain")
@click.argument("name", required=False, metavar="[RULE|KEY]")
@FORMAT
@TRACEBACK
def command(name: str | None, layout: str, traceback: bool) -> None:
    """Explain a rule or a key of the spec.

    A rule is named by its code or its name, as findings show them: LR201 or rates-not-one. A key is named by its path
    or the end of it: training/batch_size or batch_size; a section, such as training, lists its keys. Without a name
    the sections are listed.
    """
    with leave_cleanly(traceback):
        from runner.commands.output import write_markdown

        write_markdown(_sections() if name is None else "\n".join(_pages(name)), layout)


def _sections() -> str:
    """Return the list of all sections of a spec, as Markdown."""
    from schema.docs.keys import declared_keys
    from schema.document import load_schema

    rows = "\n".join(f"- `{key.name}`: {key.doc}" for key in declared_keys(load_schema()))
    more = "`lorarun explain training` lists the keys of a section, `lorarun schema` all, `lorarun rules` the rules."
    return f"# Sections of a spec\n\n{rows}\n\n{more}\n"


def _pages(name: str) -> list[str]:
    """Return what is to be said about a name, as Markdown. Raises Failure INVALID, with the nearest names."""
    from schema.check.renamed import RENAMED
    from schema.docs.keys import find_keys
    from schema.docs.pages import key_page, rule_page
    from schema.docs.rules import find_rule
    from schema.document import load_schema

    if rule := find_rule(name):
        return [rule_page(rule)]
    if keys := find_keys(load_schema(), name):
        return [key_page(key) for key in keys]
    if renamed := RENAMED.get(name):
        called = f"{name} is called {renamed.key} since version {renamed.since}.\n"
        return [called, *(key_page(key) for key in find_keys(load_schema(), renamed.key))]
    raise _unknown(name)


def _unknown(name: str) -> Exception:
    from runner.failure import ExitCode, Failure
    from schema.docs.keys import declared_keys, every_key
    from schema.document import load_schema
    from schema.rules import RULES
    from schema.text.wording import join, nearest, quote

    keys = [key for key in every_key(declared_keys(load_schema())) if "[" not in key.places[0]]
    paths = [place for key in keys for place in key.places]
    known = [*(rule.CODE for rule in RULES), *(rule.SLUG for rule in RULES), *paths, *(key.name for key in keys)]
    near = nearest(name, known)
    remedy = f"did you mean {join(near, 'or')}?" if near else LISTED
    return Failure(f"no rule and no key is called {quote(name)}; {remedy}", ExitCode.INVALID)
