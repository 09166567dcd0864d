"""The command `lorarun`: makes sure that the packages it is made of are its own, and runs `runner.cli`.

Other distributions have packages of the same names, `schema` of PyPI among them: installed beside lorarun they take its
files' places, or stand before them on the path. This module loads neither package before it has looked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from itertools import pairwise

PACKAGES = ("schema", "runner")
OWN = "LoRATrainerConfig"  # a name that both packages of lorarun give away, and others don't
VERSION = 1  # of the JSON, as in schema.formats, which may be another one's
INVALID = 2  # as in runner.failure, which may be another one's


def main() -> None:
    """Run the command line. Exits with 2, and one sentence, where a package is not lorarun's own."""
    for name in PACKAGES:
        place = stranger(name)
        if place is not None:
            _refuse(name, place)
    from runner.cli import main as run

    run(prog_name="lorarun")


def stranger(name: str, path: Sequence[str] | None = None) -> str | None:
    """Return where a package lies that is not lorarun's own, empty where there is none; None where it is.

    Looked for on `sys.path`, or on another path. Nothing of it is run.
    """
    found = PathFinder.find_spec(name, path)
    if found is None:
        return ""
    try:
        source = found.loader.get_source(name) if found.loader is not None else ""  # type: ignore[attr-defined]
    except (AttributeError, ImportError, OSError, SyntaxError, UnicodeError):
        source = ""
    if source is None or OWN in source:  # None of what was compiled and has no text, which tells nothing
        return None
    return found.origin or next(iter(found.submodule_search_locations or ()), "")


def _refuse(name: str, place: str) -> None:
    """Say it and exit: in a sentence, or for programs as every command does it, though none can be loaded."""
    sentence = _sentence(name, place)
    if "--format=json" in sys.argv or ("--format", "json") in pairwise(sys.argv):
        message, _, remedy = sentence.partition("; ")
        where = {"file": place} if place else None
        facts = {"version": VERSION, "code": "invalid", "message": message, "where": where, "remedy": remedy}
        print(json.dumps({**facts, "exit_code": INVALID}))
    else:
        print(f"lorarun: {sentence}", file=sys.stderr)
    sys.exit(INVALID)


def _sentence(name: str, place: str) -> str:
    """Say what stands in a package's place, and what to do."""
    from importlib.metadata import packages_distributions

    others = sorted({each for each in packages_distributions().get(name, ()) if each != "lorarun"})
    whose = f" of the distribution {' and '.join(others)}" if others else ""
    what = f"is not its own but that{whose} at {place}" if place else "is missing"
    return (
        f"the package '{name}' {what}; install lorarun in a fresh environment (python3 -m venv .venv && "
        ".venv/bin/pip install .) and leave folders with such a package out of PYTHONPATH"
    )


if __name__ == "__main__":
    main()
