"""Places that a spec may write otherwise when its run resumes: the same place, or where the same bytes lie now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.failure import ExitCode, Failure
from runner.files.contents import changed_files
from schema.environment import Change
from schema.text.paths import at_home

# What a token store is made by: its digest says whether a run resumes with what lies at another place.
READ_BY_STORES = ("tokenizer/name", "chat/template")
# What the files at a place held when the run began, by the fact of run.json that says so.
NOTED = {"architecture/pretrained": "start", "starting_point": "start", "optimization/lora/init": "init"}
PLACES = (*READ_BY_STORES, *NOTED)


def names_the_same(change: Change, noted: Mapping[str, Any]) -> bool:
    """Whether a changed place is the one that a run has noted, or holds what that held, which is gone.

    Raises Failure STORAGE when a file cannot be read.
    """
    before, now = json.loads(change.before), json.loads(change.now)
    if not (isinstance(before, str) and isinstance(now, str)):
        return False
    old, new = at_home(before), at_home(now)
    try:
        if not new.exists():
            return False
        if old.exists():
            return old.samefile(new)
        if change.key in READ_BY_STORES:
            return True
        return _holds(new, (noted.get(NOTED[change.key]) or {}).get("files", {}))
    except OSError as error:
        raise Failure(f"cannot read {new}: {error.strerror or error}", ExitCode.STORAGE) from error


def _holds(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a folder has all these files, with what was noted of them."""
    return bool(files) and all((folder / name).is_file() for name in files) and not any(changed_files(folder, files))
