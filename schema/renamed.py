"""Keys that have another name or place now: read under their new one, with a word.

The tree is changed before it is checked, so that the rest of the linter knows one name for each thing.
"""

from __future__ import annotations

from dataclasses import dataclass

from schema.diagnostic import Related
from schema.findings import Findings, Path, Problem, show
from schema.source import Mapping, Node, Scalar, same


@dataclass(frozen=True, slots=True)
class Renamed:
    """The key that took over, and the version of lorarun since when."""

    key: str
    since: str


# Old path → the path that is read. Old and new stand in mappings, not in lists.
RENAMED = {
    "training/pre_lora_datasets": Renamed("training/pre_lora_dataset", "0.1"),
    "training/post_lora_datasets": Renamed("training/post_lora_dataset", "0.1"),
    "optimization/warmup_pct": Renamed("training/warmup_pct", "0.1"),
    "optimization/decay_pct": Renamed("training/decay_pct", "0.1"),
    "optimization/lora/learning_rate": Renamed("optimization/lora/lr", "0.1"),
    "optimization/learning_rate": Renamed("optimization/lr", "0.1"),
}


def rename(found: Findings, tree: Mapping) -> Mapping:
    """Return the tree with every old key under its new name; record a problem for each.

    Where both names are written, the new one counts.
    """
    for old, new in RENAMED.items():
        before, now = tuple(old.split("/")), tuple(new.key.split("/"))
        entry = _entry(tree, before)
        if entry is None:
            continue
        key, value = entry
        other = _entry(tree, now)
        tree = _without(tree, before)
        if other is None:
            message = f"{old} is called {new.key} since version {new.since}"
            found.problems.append(Problem("deprecated-key", before, key.span, message, f"write {new.key}"))
            tree = _with(tree, now, (Scalar(key.span, now[-1], True, now[-1]), value))
            continue
        related = (Related(other[0].span, "read from here"),)
        if same(value, other[1]):
            message = f"{show(before)} says again what {new.key} says"
            found.problems.append(Problem("redundant-namespaces", before, key.span, message, "remove it", related))
        else:
            message = f"{show(before)} and {new.key} are one thing and differ"
            remedy = f"keep {new.key}, and remove this"
            found.problems.append(Problem("conflicting-namespaces", before, key.span, message, remedy, related))
    return tree


def _entry(tree: Node, path: Path) -> tuple[Scalar, Node] | None:
    entry = None
    for part in path:
        entries = tree.entries if isinstance(tree, Mapping) else ()
        entry = next(((key, value) for key, value in entries if key.text == part), None)
        if entry is None:
            return None
        tree = entry[1]
    return entry


def _without(tree: Mapping, path: Path) -> Mapping:
    kept = []
    for key, value in tree.entries:
        if key.text != path[0]:
            kept.append((key, value))
        elif len(path) > 1 and isinstance(value, Mapping):
            kept.append((key, _without(value, path[1:])))
    return Mapping(tree.span, tuple(kept))


def _with(tree: Mapping, path: Path, entry: tuple[Scalar, Node]) -> Mapping:
    """Add an entry below a path; a section that is not there, or is empty, is made."""
    if len(path) == 1:
        return Mapping(tree.span, (*tree.entries, entry))
    entries = list(tree.entries)
    for index, (key, value) in enumerate(entries):
        if key.text == path[0]:
            if isinstance(value, Mapping):
                entries[index] = (key, _with(value, path[1:], entry))
            return Mapping(tree.span, tuple(entries))
    section = Scalar(entry[0].span, str(path[0]), True, str(path[0]))
    return Mapping(tree.span, (*entries, (section, _with(Mapping(entry[0].span, ()), path[1:], entry))))
