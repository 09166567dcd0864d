"""The golden specs: what they are linted with, and what is printed for them.

`tests/spec/ok/*.yaml` are silent; beside each `tests/spec/err/<slug>/*.yaml` stands an `.out` with everything
that is printed. Each is linted as `exec` would without `--restore`, on a machine of which nothing is known, or
on the one that a `.json` beside it describes. A first line of options is obeyed: `# --set key=value`,
`# --show-skipped`, `# --beside FILE` (linted in the same call). That short specs leave decisions to their defaults
is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.data.planned import draw_stage
from runner.data.styles import PairLengths, RowSizes, load_style
from schema.document import Document
from schema.environment import (
    Change,
    Dataset,
    Environment,
    Estimate,
    Fields,
    Obstacle,
    Refusal,
    Run,
    SpecialToken,
    Split,
    Start,
    Store,
    TokenizerFacts,
)
from schema.formats import render_text
from schema.lint import Verdict, lint_file, lint_text
from schema.rules import duplicate_spec
from schema.settings import Settings

SPECS = Path(__file__).resolve().parents[1] / "spec"
MARK = b"# --"


def cases() -> list[Path]:
    """Every spec that has findings."""
    return sorted((SPECS / "err").glob("*/*.yaml"))


def outputs() -> list[Path]:
    """Every output that lies there, with or without its spec."""
    return sorted((SPECS / "err").glob("*/*.out"))


def silent_specs() -> list[Path]:
    """Every spec that has none."""
    return sorted((SPECS / "ok").glob("*.yaml"))


def environment_of(facts: dict[str, Any]) -> Callable[[Document], Environment]:
    """The machine that a JSON object describes, for a lint: what `runner.environment.survey` would find there.

    Keys are those of `Environment`. A dataset is NAME or NAME/SUFFIX: {"source": true}, {"store": {"tokenizer": …,
    "max_token_id": …, "train": {length: documents}, "val": …}} or {"obstacle": [message, remedy, key]}, and has the
    `fields` of its records as {"read": {key: field}, "first": [field], …}; `tokenizer` is
    {"fingerprint": …, "ids": …} or such an obstacle; `chat`, `gguf` and `wandb` are lists as in one. `run` and
    `start` are {"path": …, "spec": {key: value as that run had it}} and the other fields of their classes.
    `missing` is {package: [message, remedy]}, `refused` a list of lists as `Refusal`; a dataset's `estimate` is [bytes,
    documents, tokens].
    """

    def look(document: Document) -> Environment:
        looked_up: dict[str, Any] = {"restore": False, **facts}
        if "datasets" in facts:
            pairs = [(name.partition("/"), facts) for name, facts in facts["datasets"].items()]
            looked_up["datasets"] = {(name, suffix): _dataset(found) for (name, _, suffix), found in pairs}
        if "tokenizer" in facts:
            looked_up["tokenizer"] = _tokenizer(facts["tokenizer"])
        for key in ("chat", "gguf", "wandb"):
            if key in facts:
                looked_up[key] = Obstacle(*facts[key])
        looked_up["missing"] = {name: Obstacle(*found) for name, found in facts.get("missing", {}).items()}
        looked_up["refused"] = tuple(Refusal(*found) for found in facts.get("refused", []))
        for key, kind, field in (("run", Run, "changes"), ("start", Start, "differing")):
            if key in facts:
                found = {name: value for name, value in facts[key].items() if name != "spec"}
                if "variables" in found:  # of a run: [name, before, now]
                    found["variables"] = tuple(Change(*each) for each in found["variables"])
                looked_up[key] = kind(**found, **{field: _changes(facts[key].get("spec", {}), document)})
        return Environment(**looked_up | {"known": tuple(facts.get("known", ())), "draw": draw_stage})

    return look


def _tokenizer(facts: dict[str, Any]) -> TokenizerFacts | Obstacle:
    if "obstacle" in facts:
        return Obstacle(*facts["obstacle"])
    end = SpecialToken("</s>", 2)
    return TokenizerFacts(facts["fingerprint"], facts["ids"], end, end)


def _dataset(facts: dict[str, Any]) -> Dataset:
    store = facts.get("store")
    return Dataset(
        source=facts.get("source", False),
        store=_store(store) if store else None,
        obstacle=Obstacle(*facts["obstacle"]) if "obstacle" in facts else None,
        estimate=Estimate(*facts["estimate"]) if "estimate" in facts else None,
        is_rows="is_rows" in facts,
        fields=_fields(facts["fields"]) if "fields" in facts else None,
    )


def _fields(facts: dict[str, Any]) -> Fields:
    return Fields(facts["read"], *(tuple(facts.get(name, ())) for name in ("first", "unread", "lost")))


def _store(facts: dict[str, Any]) -> Store:
    lengths = {
        split: {int(length): documents for length, documents in facts[split].items()}
        for split in ("train", "val")
        if split in facts
    }
    splits = {
        split: Split(found, partial(_rows, Documents(found)), partial(Halves, Documents(found)))
        for split, found in lengths.items()
    }
    return Store(facts["tokenizer"], facts.get("max_token_id", 0), splits, facts.get("pairs", False))


@dataclass(frozen=True)
class Documents:
    """The documents that a machine's description has, the shortest first."""

    lengths: dict[int, int]
    pairs: PairLengths | None = None

    def in_order(self) -> list[int]:
        return [length for length, documents in sorted(self.lengths.items()) for _ in range(documents)]

    def packing(self, width: int, drop: bool) -> None:
        """Nobody has noted which documents share a row."""


class Halves:
    """The rows of a description, one a document: the second half of each is supervised, and all of PMD."""

    def __init__(self, documents: Documents, style: str, block_size: int, on_too_long: str, _: bool) -> None:
        halves = [min(length - 1, block_size) // 2 for length in documents.in_order()]
        rows = _rows(documents, style, block_size, on_too_long)
        self.supervised = np.array([block_size] * rows if style == "PMD" else halves, np.int64)

    def __len__(self) -> int:
        return len(self.supervised)

    def sizes(self, numbers: npt.NDArray[np.int64]) -> RowSizes:
        return RowSizes(self.supervised[numbers], self.supervised[numbers])


def _rows(documents: Documents, style: str, block_size: int, on_too_long: str) -> int:
    return load_style(style).count_rows(documents, block_size, on_too_long)


def _changes(before: dict[str, Any], document: Document) -> tuple[Change, ...]:
    now = {key: document.value(key) for key in before if document.available(key)}
    return tuple(
        Change(key, json.dumps(value), json.dumps(now[key]))
        for key, value in before.items()
        if key in now and now[key] != value
    )


def verdict(path: Path) -> Verdict:
    """Lint one golden."""
    first = path.read_bytes().partition(b"\n")[0]
    options = first.decode().removeprefix("# ").split(" --") if first.startswith(MARK) else []
    overrides = [option.removeprefix("--").removeprefix("set ") for option in options if "set " in option]
    facts = path.with_suffix(".json")
    machine = environment_of(json.loads(facts.read_text(encoding="utf-8")) if facts.exists() else {})
    settings = heard("show-skipped" in first.decode(errors="replace"), path.parent.name)
    others = [option.removeprefix("--").removeprefix("beside ") for option in options if "beside " in option]
    return beside(lint_file(path, overrides, machine, settings), [lint_text(read(path, name), name) for name in others])


def read(path: Path, name: str) -> str:
    """Read the spec that lies at `name`, seen from the folder of a golden."""
    return (path.parent / name).read_text(encoding="utf-8")


def beside(found: Verdict, others: list[Verdict]) -> Verdict:
    """Add to a verdict what is found when others are linted in the same call, the first of them before it."""
    documents = [each.document for each in (*others[:1], found, *others[1:]) if each.document]
    return found._replace(diagnostics=(*found.diagnostics, *duplicate_spec.compare(documents)))


def heard(show_skipped: bool = False, slug: str = "") -> Settings:
    """The settings of short specs: what they leave to defaults is heard in the folders of these rules only."""
    return Settings(ignore=tuple({"defaulted-decision", "adapter-defaults"} - {slug}), show_skipped=show_skipped)


def printed(path: Path) -> str:
    """Everything that is printed for one golden, named as in its own folder."""
    return render_text(verdict(path).diagnostics).replace(str(path), path.name)
