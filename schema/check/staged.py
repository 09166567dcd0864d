"""Budgets and mixtures of several stages that stand under training/tokens and training/dataset, as in older trainers.

They are refused with one word and read as those of phase full, so that the rest of the linter judges what was meant.
"""

from __future__ import annotations

from typing import NamedTuple

from schema.check.findings import Findings, Problem
from schema.check.phases import LISTS
from schema.text.diagnostic import Related
from schema.text.source import Mapping, Node, Scalar, Sequence

SECTION = "training"
# The keys of a run of one stage, and the lists of phase full that stages are written as.
STAGED = dict(zip(("tokens", "dataset"), LISTS[0], strict=True))
LORA, NO_PHASE = LISTS[1], "post_lora_tokens"


class Stages(NamedTuple):
    """What stands under a key of a run of one stage: its value is a list of stages, or belongs to such a list."""

    key: Scalar
    value: Node
    is_list: bool

    @property
    def name(self) -> str:
        """The key of phase full."""
        return STAGED[self.key.text]


def read_stages(found: Findings, tree: Mapping) -> Mapping:
    """Return the tree with lists of stages under the keys of phase full; record one problem for both of them."""
    stages = find_stages(tree)
    if not stages:
        return tree
    first = next(each for each in stages if each.is_list)
    whole = without_phase_lora(tree)
    remedy = " and ".join(f"{SECTION}/{each.name}" for each in stages) + (f", and {NO_PHASE}: []" if whole else "")
    message = f"{SECTION}/{first.key.text} lists stages, which are budgets and mixtures of phase full"
    related = tuple(Related(each.key.span, "with this") for each in stages if each is not first)
    path, place = (SECTION, first.key.text), first.key.span
    found.problems.append(Problem("wrong-type", path, place, message, f"write {remedy}", related, first.name, whole))
    section, moved = _value(tree, SECTION), {each.key: each for each in stages}
    assert isinstance(section, Mapping)
    renamed = tuple(_staged(moved[key]) if key in moved else (key, value) for key, value in section.entries)
    if whole:
        renamed += tuple((first.key._replace(text=name, value=name), Sequence(place, ())) for name in LORA)
    entries = ((key, Mapping(section.span, renamed) if value is section else value) for key, value in tree.entries)
    return Mapping(tree.span, tuple(entries))


def find_stages(tree: Mapping) -> list[Stages]:
    """Return the keys of a run of one stage, where one of them lists stages and phase full has no keys of its own."""
    section = _value(tree, SECTION)
    entries = section.entries if isinstance(section, Mapping) else ()
    names = [key.text for key, _ in entries]
    stages = [Stages(key, value, _has_stages(key.text, value)) for key, value in entries if key.text in STAGED]
    free = not set(STAGED.values()) & set(names) and len(stages) == len(set(names) & set(STAGED))
    return stages if free and any(each.is_list for each in stages) else []


def without_phase_lora(tree: Mapping) -> bool:
    """Whether nothing of a phase lora is written: neither its budgets nor adapters."""
    training, optimization = _value(tree, SECTION), _value(tree, "optimization")
    names = [key.text for key, _ in training.entries] if isinstance(training, Mapping) else []
    return not any(name in names for name in LORA) and _value(optimization, "lora") is None


def _has_stages(name: str, value: Node) -> bool:
    """Whether a value is a list of budgets, or a list of mixtures."""
    items = value.items if isinstance(value, Sequence) else ()
    return isinstance(value, Sequence) if name == "tokens" else any(isinstance(item, Sequence) for item in items)


def _staged(stages: Stages) -> tuple[Scalar, Node]:
    """The entry of phase full; a single budget or mixture is its only stage."""
    key, value = stages.key._replace(text=stages.name, value=stages.name), stages.value
    return key, value if stages.is_list else Sequence(value.span, (value,))


def _value(tree: Node | None, name: str) -> Node | None:
    entries = tree.entries if isinstance(tree, Mapping) else ()
    return next((value for key, value in entries if key.text == name), None)
