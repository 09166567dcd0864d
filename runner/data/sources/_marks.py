"""What a folder is by the files in it: one that holds no text of the user's, or a dataset that `datasets` saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from runner.data.sources._source import printable
from runner.data.stores.meta import META_FILE, split_file
from schema.text.wording import join

RUN, ENVIRONMENT = "run.json", "a virtual environment"
# Folders that hold no text of the user's: what they are, and the files that mark them.
MARKS = (
    ("a run", RUN),
    ("a token store", META_FILE, split_file(Path(), "train", "tokens").name),
    (ENVIRONMENT, "pyvenv.cfg"),
    (ENVIRONMENT, "conda-meta"),
    ("a model", "config.json", "tokenizer.json"),
    ("a model", "config.json", "model.safetensors"),
    ("an adapter", "adapter_config.json"),
)
# What Dataset.save_to_disk and DatasetDict.save_to_disk write beside their .arrow files.
STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
DESCRIPTIONS = frozenset({INFO, SPLITS, "dataset_infos.json"})


class Mark(NamedTuple):
    """What a folder is that holds no text of the user's, and the file that says so."""

    kind: str
    by: str


def marked(folder: Path, has: Callable[[str], bool] | None = None) -> Mark | None:
    """Say what a folder is by the files that it `has`; None where it may hold text. Raises OSError."""
    has = has or (lambda name: (folder / name).exists())
    for kind, *marks in MARKS:
        if all(map(has, marks)) and not (marks[0] == RUN and _is_foreign(folder / RUN)):
            return Mark(kind, marks[0])
    return None


def _is_foreign(path: Path) -> bool:
    """Whether a file of this name is another program's: whole, with facts in it, and no run's identity among them."""
    try:
        facts = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return not isinstance(facts, dict) or (bool(facts) and "run_id" not in facts)


def saved_files(folder: Path, names: Collection[str]) -> frozenset[str] | None:
    """Return the files of a saved dataset in a folder of these names; None where there is none.

    What was computed with it later may lie beside them. Raises ValueError where one is missing, OSError.
    """
    if not {STATE, INFO} <= {*names}:
        return None
    listed = _facts(folder / STATE).get("_data_files")
    if not isinstance(listed, list):
        return None
    files = frozenset(str(each["filename"]) for each in listed if isinstance(each, dict) and "filename" in each)
    if missing := sorted(files - {*names}):
        raise ValueError(
            f"'{printable(folder / STATE)}' names {missing[0]}, which is not there; save the dataset again"
        )
    return files


def refuse_splits(folder: Path) -> None:
    """Raise ValueError for a folder of several splits, of which the spec must name one; OSError."""
    splits = [str(each) for each in _facts(folder / SPLITS).get("splits", [])]
    named = join([f"'{printable(folder / split)}'" for split in splits], "or") if splits else "the folder of one"
    raise ValueError(f"it holds splits of one dataset, by its {SPLITS}; name one of them: {named}")


def _facts(path: Path) -> dict[str, Any]:
    """What a JSON file says; nothing where it is none. Raises OSError."""
    try:
        facts = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
