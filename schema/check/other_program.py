"""Recognises a file of another program, and says what its keys are called in a spec: one finding, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from schema.check.declared import Declared
from schema.check.otherwise import OTHERWISE
from schema.check.programs import PROGRAMS, Program
from schema.check.renamed import RENAMED
from schema.text.source import Mapping, Node, Scalar, Sequence, SourceError
from schema.text.wording import join, quote

SLUG = "other-program"
DEEPEST = 4  # parts of a path that is looked at
LONGEST = 32  # letters of a value that are shown
MOST_ITEMS = 3  # of a list that are shown
WIDEST = 46  # columns of theirs before ours
# What a key of the same name means, whoever wrote it.
SAME = {
    **{name: f"architecture/{name}" for name in ("attention_bias", "head_dim", "intermediate_size", "mlp_bias")},
    **{name: f"architecture/{name}" for name in ("n_embd", "n_head", "n_kv_head", "rope_scaling", "rope_theta")},
    "seed": "training/seed",
    "vocab_size": "architecture/vocab_size",
    "weight_decay": "optimization/weight_decay",
}
ADAPTERS, BASE = "optimization/lora/", "architecture/pretrained"


def refuse_other_program(root: Mapping, schema: Declared) -> None:
    """Raise SourceError, with a table of theirs and ours, where a file is of another program and not a spec."""
    written: dict[str, tuple[Scalar, Node]] = {}
    for path, entry in _keys(root, ""):
        written.setdefault(path, entry)
    names = {name for path in written for name in _with_stars(path)}
    own = {path for path in written if path.count("/") and path in schema.paths}
    scored = [(_score(program, names), program) for program in PROGRAMS]
    score, program = max(scored, key=lambda each: each[0])
    if not score or 2 * len(own - set(program.must) - set(program.some) - set(program.ours)) > score:
        return
    first = next((key for path, (key, _) in written.items() if _known(path, program)), root.entries[0][0])
    message = f"this is a file of {program.name}, and no spec of lorarun"
    raise SourceError(SLUG, first.span, message, _remedy(program, written))


def _keys(node: Node, above: str) -> Iterator[tuple[str, tuple[Scalar, Node]]]:
    """Yield the path of every key, an item of a list as *, with the key and its value."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _keys(item, f"{above}*/")
    for key, value in node.entries if isinstance(node, Mapping) and above.count("/") < DEEPEST else ():
        yield f"{above}{key.text}", (key, value)
        yield from _keys(value, f"{above}{key.text}/")


def _with_stars(path: str) -> Iterator[str]:
    """The ways in which a pattern may name a path: as it is, or with one part for any."""
    yield path
    parts = path.split("/")
    yield from ("/".join([*parts[:index], "*", *parts[index + 1 :]]) for index in range(len(parts) - 1))


def _score(program: Program, names: set[str]) -> int:
    """How many of the keys that a program is known by are there; 0 where they are too few."""
    if not all(any(name in names for name in one.split("|")) for one in program.must):
        return 0
    found = sum(name in names for name in program.some)
    return found + len(program.must) if found >= program.least else 0


def _known(path: str, program: Program) -> bool:
    alternatives = {name for one in program.must for name in one.split("|")}
    return any(name in alternatives for name in _with_stars(path))


def _remedy(program: Program, written: dict[str, tuple[Scalar, Node]]) -> str:
    if not program.trains:
        return "name specs alone, such as specs/*.yaml"
    rows = [(f"{path}: {_shown(value)}", ours) for path, ours, value in _counterparts(program, written)]
    head = "write a spec, which lorarun init begins"
    if not rows:
        return head
    width = min(WIDEST, max(len(theirs) for theirs, _ in rows))
    lines = [f"{theirs:{width}} → {ours}" for theirs, ours in rows]
    if any(ours.startswith(ADAPTERS) for _, ours in rows) and any(ours == BASE for _, ours in rows):
        lines.append(f"{'(adapters alone)':{width}} → training/pre_lora_tokens: []")
    return "\n  ".join([f"{head}; these keys have a counterpart there:", *lines])


def _counterparts(program: Program, written: dict[str, tuple[Scalar, Node]]) -> Iterator[tuple[str, str, Node]]:
    """Yield path, our key and value of each key that has a counterpart; a list of mappings goes for its own keys."""
    for path, (_, value) in written.items():
        last = path.rpartition("/")[2]
        ours = program.ours.get(path, "")
        empty = isinstance(value, Scalar) and value.value is None
        if empty or (not ours and any(each.startswith(f"{path}/") for each in program.ours)):
            continue
        if not ours and not isinstance(value, Mapping):
            ours = SAME.get(last) or (RENAMED[last].key if last in RENAMED else "")
            ours = ours or (join(OTHERWISE[last].keys, "and") if last in OTHERWISE and OTHERWISE[last].keys else "")
        if ours:
            yield path, ours, value


def _shown(value: Node) -> str:
    """A value on one line, shortened."""
    if isinstance(value, Scalar):
        text = quote(value.text)[1:-1]
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if isinstance(value, Mapping):
        return "…"
    items = [_shown(item) for item in value.items[:MOST_ITEMS]]
    return f"[{', '.join([*items, '…'] if len(value.items) > MOST_ITEMS else items)}]"
