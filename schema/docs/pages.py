"""Markdown for people: one rule, one key, and the generated pages RULES.md and SPEC.md."""

from __future__ import annotations

from itertools import groupby

from schema.check.findings import Json
from schema.docs.keys import Key, declared_keys, every_key
from schema.docs.rules import documentation, needs_machine, summary
from schema.rules import RULES, Rule

GENERATED = "<!-- Written by tools/generate: change the docstrings and the sections, not this file. -->"
GROUPS = {
    "LR0": "Text and shape",
    "LR1": "Budgets and phases",
    "LR2": "Data mixtures",
    "LR3": "LoRA",
    "LR4": "Optimisation and schedules",
    "LR5": "Architecture, memory, mesh",
    "LR6": "Logging, checkpoints, resume",
    "LR7": "Security and portability",
    "LR8": "Style",
    "LR9": "The linter itself",
}
ENTRIES = "training/dataset[]"  # whose keys stand for those of every mixture
RULES_HEAD = f"""{GENERATED}

# The rules of `lorarun validate`

We report mistakes, not taste. An *error* means that the run can't do what the spec says, a *warning* that it likely
isn't what was meant, an *info* that something is worth knowing. `lorarun explain RULE` shows one of these sections,
by code or by name.

A comment `# lorarun: ignore[name]` silences a warning or an info on its own line and on the line below; above the first
key, in the whole file. A name is that of a rule, its code, or the start of codes, such as LR4. `--select`, `--ignore`
and `[tool.lorarun]` of pyproject.toml do so for many files. Errors can't be silenced. Rules marked with * need facts of
the machine: `validate --env` looks for them, and `exec` always does.

Examples show only the keys that matter; the rest of the spec is one that no rule finds fault with.
"""
SPEC_HEAD = f"""{GENERATED}

# The keys of a spec

A path such as `training/batch_size` is nested in YAML: `training: {{batch_size: 512}}`. Every key has a default, unless
it says *required*, so a spec holds only what it wants otherwise. Numbers may be written `300_000_000`, `3.0e+8`,
`400k`, `300M`, `1.5B` or `2T`. A key that starts with `x-` is a note. `lorarun explain KEY` shows one key, and
`spec.schema.json` is this page for editors.
"""


def rule_page(rule: Rule) -> str:
    """Explain one rule."""
    return f"# {rule.CODE} {rule.SLUG}: {rule.SEVERITY}\n\n{documentation(rule)}\n"


def rules_page() -> str:
    """Return the text of RULES.md: a table of all rules, and a section for each."""
    head = "| code | name | severity | reports |\n|---|---|---|---|\n"
    rows = [f"| {rule.CODE} | {_link(rule)} | {rule.SEVERITY} | {_cell(summary(rule))} |\n" for rule in RULES]
    parts = [RULES_HEAD, head + "".join(rows)]
    for group, rules in groupby(RULES, lambda rule: rule.CODE[:3]):
        parts.append(f"## {GROUPS[group]}\n")
        parts += [f"### {rule.SLUG}\n\n{rule.CODE}, {rule.SEVERITY}\n\n{documentation(rule)}\n" for rule in rules]
    return "\n".join(parts)


def key_page(key: Key) -> str:
    """Explain one key, or a section with its keys."""
    facts = [f"- Takes: {key.takes}"]
    facts += [f"- Unit: {key.unit}"] if key.unit else []
    facts += [f"- A change between two calls of exec is {key.change}"] if key.change else []
    if not key.within or key.default is not None:
        facts.append("- Must be written" if key.default is None else f"- Default: {_default(key)}")
    parts = [f"# {', '.join(key.places)}\n", f"{key.doc}\n", "\n".join(facts) + "\n"]
    parts += [_table(key.within)] if key.within else [_nested(key)] if key.default and "[" not in key.places[0] else []
    return "\n".join(parts)


def spec_page(schema: Json) -> str:
    """Return the text of SPEC.md: a table of keys for each section."""
    parts = [SPEC_HEAD]
    for section in declared_keys(schema):
        parts += [f"## {section.name}\n", f"{section.doc}\n", _table(_flat(section))]
        entries = [key for key in every_key((section,)) if key.places[0] == ENTRIES.removesuffix("[]")]
        parts += [f"### An entry of a mixture\n\n{_table(key.within)}" for key in entries]
    return "\n".join(parts)


def _flat(section: Key) -> tuple[Key, ...]:
    """The keys of a section and of what is nested in it; those of a mixture have a table of their own."""
    return tuple(key for key in every_key(section.within) if "[]/" not in key.places[0])


def _table(keys: tuple[Key, ...]) -> str:
    head = "| key | takes | default | unit | change | |\n|---|---|---|---|---|---|\n"
    names = [key.places[0].removeprefix(f"{ENTRIES}/") for key in keys]
    rows = [f"{key.takes} | {_default(key)} | {key.unit} | {key.change} | {_cell(key.doc)}" for key in keys]
    return head + "".join(f"| `{name}` | {row} |\n" for name, row in zip(names, rows, strict=True))


def _nested(key: Key) -> str:
    """Show how a key is written, with its default."""
    *above, name = key.places[0].split("/")
    lines = [f"{'  ' * depth}{part}:\n" for depth, part in enumerate(above)]
    return f"```yaml\n{''.join(lines)}{'  ' * len(above)}{name}: {key.default}\n```\n"


def _default(key: Key) -> str:
    if key.default is not None:
        return f"`{key.default}`"
    return "" if key.within else "*required*"


def _link(rule: Rule) -> str:
    return f"[{rule.SLUG}](#{rule.SLUG}){'*' if needs_machine(rule) else ''}"


def _cell(text: str) -> str:
    """Text in a table, where a bar would end the cell."""
    return text.replace("|", "\\|")
