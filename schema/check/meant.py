"""Sections of a spec under another name, and keys of sections written flat at the top: told once, and read as meant.

`model: {n_layers: 4}` is architecture, `training/batch_size: 8` is batch_size in training. Both are refused, and the
rest of the linter judges what was meant, so that one cause is one finding.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from schema.check.declared import Declared
from schema.check.findings import Findings, Problem, show
from schema.check.renamed import RENAMED, with_entry
from schema.text.diagnostic import Related
from schema.text.ownership import Ownership
from schema.text.source import Mapping, Node, Path, Scalar
from schema.text.wording import count, distance, join, nearest, quote

NOTE = "x-"
MOST_EDITS = 2  # between a key and the one that it is read as
WORD = re.compile(r"\w[\w-]*")
TOP = "at the top of the spec"
# What other programs call a section; of two sections that its keys may belong to, the name decides.
SECTIONS: dict[str, tuple[str, ...]] = {
    "architecture": ("arch", "model", "model_config", "model_args", "network", "transformer"),
    "training": ("train", "train_config", "trainer", "training_args", "training_arguments", "training_config"),
    "optimization": ("hparams", "hyperparameters", "optim", "optimiser", "optimizer", "optimizer_config"),
    "optimization/lora": ("adapter", "adapters", "lora", "lora_config", "peft", "peft_config"),
    "logging": ("log", "logger", "logs", "metric_logger"),
    "eval": ("evaluate", "evaluation", "evals"),
    "checkpoint": ("checkpointing", "checkpoints", "checkpointer", "ckpt"),
    "mesh": ("parallelism", "sharding"),
}
_NAMED = {name: section for section, names in SECTIONS.items() for name in names}


class Flat(NamedTuple):
    """A key at the top of a spec that spells the whole way to where it belongs."""

    key: Scalar
    value: Node
    path: Path


def read_as_meant(found: Findings, tree: Mapping) -> Mapping:
    """Return the tree with flat keys and sections of another name in their places; record a problem for each cause."""
    flat = find_flat(found.schema, tree)
    if flat:
        found.problems.append(_flat_problem(flat, tree))
        tree = _without(tree, *(entry.key for entry in flat))
    for key, value, path in flat:
        tree = with_entry(tree, path, (_named(key, str(path[-1])), value))
    written, own = {key.text: key for key, _ in tree.entries}, Ownership(tree)
    for key, value in tree.entries:
        is_name = WORD.fullmatch(key.text) and key.text.isascii() and not key.text.startswith(NOTE)
        if not (isinstance(value, Mapping) and is_name) or key.text in found.schema["properties"]:
            continue
        if own.lends(value) and not _near(found.schema, key.text, written):
            found.problems.append(_template(key))
            tree = _without(tree, key)
        else:
            tree = _section(found, tree, (key, value), written)
    return tree


def find_flat(schema: Declared, tree: Mapping) -> list[Flat]:
    """Return the flat keys of a tree, but for those whose place is taken."""
    flat: dict[Path, Flat] = {}
    sections = {key.text: value for key, value in reversed(tree.entries)}
    for key, value in tree.entries:
        path = tuple(re.split(r"[/.]", key.text))
        known = len(path) > 1 and path[0] in schema["properties"] and all(map(WORD.fullmatch, path))
        if known and path not in flat and not (path[0] in sections and _taken(sections[path[0]], path[1:])):
            flat[path] = Flat(key, value, path)
    return list(flat.values())


def _flat_problem(flat: list[Flat], tree: Mapping) -> Problem:
    first, names = flat[0], [quote(entry.key.text) for entry in flat]
    subject = join(names if len(names) < 4 else [*names[:2], f"{len(names) - 2} more"], "and")
    remedy = f"nest the keys: {': {'.join(map(str, first.path))}: …{'}' * (len(first.path) - 1)}"
    if any(key.text == first.path[0] for key, _ in tree.entries):  # a section that is written can't be written again
        others = f", and so for {count(len(flat) - 1, 'other key')}" if len(flat) > 1 else ""
        remedy = f"write {first.path[-1]} in {show(first.path[:-1])}{others}"
    message = f"{subject} {'is' if len(names) == 1 else 'are'} written in one word: keys of a spec are nested"
    return Problem("unknown-key", (first.key.text,), first.key.span, message, remedy)


def _template(key: Scalar) -> Problem:
    """The problem of a mapping that is there for its aliases: a note may hold it."""
    message, note = f"unknown key {quote(key.text)} {TOP}", f"{NOTE}{key.text}"
    remedy = f"write {quote(note)}: what aliases repeat may stand below a name that starts with {NOTE}"
    return Problem("unknown-key", (key.text,), key.span, message, remedy, instead=note, certain=True)


def _section(found: Findings, tree: Mapping, entry: tuple[Scalar, Mapping], written: dict[str, Scalar]) -> Mapping:
    """Read a section under the name that it has here, where its name or its keys say which it is."""
    declared, (key, value) = found.schema["properties"], entry
    inside = [inner for inner, _ in value.entries if inner.text in declared]
    if len(inside) > 1 and 2 * len(inside) > len(value.entries):
        return _unwrapped(found, tree, entry, written)
    close = _near(found.schema, key.text, written)
    target, sure = (close, True) if close else _by_keys(found.schema, key.text, value)
    if not target:
        return tree
    section, message = target.partition("/")[0], f"unknown key {quote(key.text)} {TOP}"
    problem = Problem("unknown-key", (key.text,), key.span, message, f"write {quote(target)}")
    if not sure:
        found.problems.append(problem._replace(remedy=f"write its keys as those of {quote(target)}"))
        found.undecided.add(tuple(target.split("/")))
        return _without(tree, key)
    if target in written:
        related = (Related(written[target].span, "written here"),)
        found.problems.append(problem._replace(remedy=f"write its keys into {quote(target)}", related=related))
    else:
        found.problems.append(problem._replace(instead=target if target == section else ""))
    tree = _without(tree, key)
    if target == section and target not in written:
        written[target] = key
        return with_entry(tree, (target,), (_named(key, target), value))
    for inner, held in value.entries:
        path = (*target.split("/"), inner.text)
        tree = tree if _taken(tree, path) else with_entry(tree, path, (inner, held))
    return tree


def _near(schema: Declared, name: str, written: dict[str, Scalar]) -> str:
    """The one section, not written yet, that a name is a slip of; empty where there is none."""
    near = nearest(name, [section for section in schema["properties"] if section not in written])
    return near[0] if len(near) == 1 and distance(name.lower(), near[0]) <= MOST_EDITS else ""


def _unwrapped(found: Findings, tree: Mapping, entry: tuple[Scalar, Mapping], written: dict[str, Scalar]) -> Mapping:
    """Read the sections that stand below a key of their own as those of the spec."""
    key, value = entry
    message = f"the sections of the spec stand below {quote(key.text)}"
    remedy = f"remove {quote(key.text)}, and write them at the top of the spec"
    found.problems.append(Problem("unknown-key", (key.text,), key.span, message, remedy))
    added = tuple(each for each in value.entries if each[0].text not in written)
    written.update({inner.text: inner for inner, _ in added})
    whole = _without(tree, key)
    return Mapping(whole.span, (*whole.entries, *added))


def _by_keys(schema: Declared, name: str, value: Mapping) -> tuple[str, bool]:
    """The section that most keys of a mapping belong to, else the one that its name means; and whether keys say so."""
    keys = [key.text for key, _ in value.entries]
    by_name = _NAMED.get(name.lower(), "")
    counted = {section: _known(schema, section, keys) for section in (*schema["properties"], "optimization/lora")}
    most = max(counted.values())
    best = [section for section, known in counted.items() if known == most]
    if 2 * most > len(keys) and (most > 1 or by_name in best):
        return (by_name, True) if by_name in best else (best[0], True) if len(best) == 1 else ("", False)
    return by_name, False


def _known(schema: Declared, section: str, keys: list[str]) -> int:
    """How many keys a section knows, by their own names or by those that others give them."""
    return sum(f"{section}/{key}" in schema.paths or f"{section}/{key}" in RENAMED for key in keys)


def _taken(tree: Node, path: Path) -> bool:
    """Whether a path is written, or a value stands on its way that is no mapping."""
    for part in path:
        if not isinstance(tree, Mapping):
            return True
        inner = next((value for key, value in tree.entries if key.text == part), None)
        if inner is None:
            return False
        tree = inner
    return True


def _named(key: Scalar, name: str) -> Scalar:
    return Scalar(key.span, name, True, name)


def _without(tree: Mapping, *gone: Scalar) -> Mapping:
    names = {id(key) for key in gone}
    return Mapping(tree.span, tuple(entry for entry in tree.entries if id(entry[0]) not in names))
