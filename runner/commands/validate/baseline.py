"""The baseline of `validate`: a file of findings that are known, so that only new ones are reported.

It has warnings and infos alone: what is an error stops a run, whoever knows of it. A finding is known by its
fingerprint, which stays when lines move; files are named as seen from the folder of the baseline.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runner.failure import ExitCode, Failure
from runner.files.atomic import write_atomically
from schema.formats import VERSION, json_text
from schema.settings import SettingsError
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.fingerprint import fingerprints

Entries = dict[str, dict[str, str]]


class Baseline(NamedTuple):
    """The findings that a file knows: for each spec, their fingerprints with the rules."""

    path: Path
    entries: Mapping[str, Mapping[str, str]]

    def unknown(self, found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return the findings that it does not know; `found` are all of one file, or all of one rule in it."""
        marked = zip(found, fingerprints(found), strict=True)
        return tuple(
            each
            for each, mark in marked
            if each.severity is Severity.ERROR or mark not in self.entries.get(self.name_of(each.span.origin.name), {})
        )

    def unmatched(self, spec: str, found: Iterable[Diagnostic]) -> list[tuple[str, str]]:
        """Return code and slug of each entry of a spec that none of its findings matches; `found` are all of them."""
        matched = {*fingerprints([*found])}
        left = [rule for mark, rule in self.entries.get(self.name_of(spec), {}).items() if mark not in matched]
        return [(code, slug) for code, _, slug in (str(rule).partition(" ") for rule in left)]

    def name_of(self, spec: str) -> str:
        """What it calls a spec: its path, as seen from its own folder."""
        return Path(os.path.relpath(Path(spec).absolute(), self.path.absolute().parent)).as_posix()


def read_baseline(path: Path) -> Baseline:
    """Read a baseline. Raises SettingsError for a file that is missing, that can't be read, or that is none."""
    if not path.exists():
        raise SettingsError(f"there is no baseline {path}; --write-baseline makes it")
    version, entries = _read(path)
    if version != VERSION:
        raise SettingsError(f"{path} is a baseline of another version; --write-baseline makes it again")
    return Baseline(path, entries)


def _read(path: Path) -> tuple[int, Entries]:
    """Return the version of a baseline, and what it knows. Raises SettingsError where it can't be read, or is none."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"can't read the baseline {path}: {reason}; name another file, or remove it") from error
    entries = facts.get("findings") if isinstance(facts, dict) else None
    if not isinstance(entries, dict) or not all(isinstance(marks, dict) for marks in entries.values()):
        raise SettingsError(f"{path} is no baseline of lorarun; name another file, or remove it")
    return facts.get("version"), entries


def write_baseline(path: Path, checked: Iterable[tuple[str, Sequence[Diagnostic]]]) -> int:
    """Write the warnings and infos of specs, each named, into a baseline; return how many there are.

    What it knows of other specs stays. Raises SettingsError where another file lies there, Failure STORAGE.
    """
    version, entries = _read(path) if path.exists() else (VERSION, {})
    entries = entries if version == VERSION else {}
    own = Baseline(path, entries)
    findings = 0
    for spec, found in checked:
        marks = {
            mark: f"{each.code} {each.slug}"
            for each, mark in zip(found, fingerprints(found), strict=True)
            if each.severity is not Severity.ERROR
        }
        findings += len(marks)
        entries[own.name_of(spec)] = dict(sorted(marks.items(), key=lambda mark: (mark[1], mark[0])))
    text = json_text({"findings": {name: marks for name, marks in sorted(entries.items()) if marks}})
    try:
        write_atomically(path, text)
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror or error}", ExitCode.STORAGE) from error
    return findings
