"""Which rules speak and how loudly: `[tool.lorarun]` of a pyproject.toml, and options of the command line.

Errors always speak: the run could not do what the spec says. Warnings and infos can be raised, lowered,
selected and ignored, by code, by the start of a code such as LR6, or by slug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from schema.rules import RULES
from schema.text.diagnostic import Diagnostic, Severity
from schema.text.suppression import names_rule
from schema.text.wording import join, nearest, quote

# Every way to begin tool.lorarun, and more.
TABLE = re.compile(r"^\s*\[*\s*[\"']?tool[\"']?\s*(?:\.\s*[\"']?lorarun|[\]=]|\.\s*$)", re.MULTILINE)
LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO, "off": None}
# What each setting of a pyproject.toml is, in Python and in words.
KINDS = {
    "select": (list, "a list of codes and slugs"),
    "ignore": (list, "a list of codes and slugs"),
    "severity": (dict, "a table of severities"),
    "fail-on": (str, "error, warning or info"),
    "per-file-ignores": (dict, "a table of patterns, each with a list of codes and slugs"),
    "baseline": (str, "the name of a file"),
}


class SettingsError(ValueError):
    """A setting that means nothing; `str()` is one sentence that names the place."""


class Settings(NamedTuple):
    """What a user wants to hear. An empty `select` means every rule; `severity` maps names to levels, None is off.

    `per_file` has what is ignored in the specs that a pattern matches, seen from `folder`; `baseline` is the file of
    the findings that `validate` leaves out.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity | None] = MappingProxyType({})
    fail_on: Severity = Severity.ERROR
    show_skipped: bool = False
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()
    folder: Path | None = None
    baseline: Path | None = None

    def of_file(self, spec: Path) -> Settings:
        """Return the settings of one spec: with what is ignored in the files that its path, or its name, matches."""
        if not self.per_file or self.folder is None:
            return self
        path = spec.absolute()
        shown = path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.as_posix()
        matching = [ignored for pattern, ignored in self.per_file if _matches(pattern, shown, path.name)]
        names = tuple(name for ignored in matching for name in ignored)
        return self._replace(ignore=(*self.ignore, *names)) if names else self

    def heard(self, found: Diagnostic) -> Diagnostic | None:
        """Return a finding as the user wants it, or None."""
        if found.severity is Severity.ERROR:
            return found
        named = [name for name in self.severity if names_rule(name, found.code, found.slug)]
        # The name that says most wins: a slug or a whole code over the start of a code.
        level = self.severity[max(named, key=_weight)] if named else found.severity
        selected = not self.select or any(names_rule(name, found.code, found.slug) for name in self.select)
        if level is None or not selected or any(names_rule(name, found.code, found.slug) for name in self.ignore):
            return None
        return found if level is found.severity else found._replace(severity=level)


def read_settings(spec: Path) -> Settings:
    """Return the settings of a spec: those of its folder, with what is ignored in this file alone."""
    return folder_settings(spec).of_file(spec)


def folder_settings(spec: Path) -> Settings:
    """Read `[tool.lorarun]` of the nearest pyproject.toml that has it, at or above the folder of a spec.

    Raises SettingsError for a setting that means nothing, or a file that can't be read or is no TOML.
    """
    for folder in spec.absolute().parents:
        file = folder / "pyproject.toml"
        table = _table(file)
        if table is not None:
            found = settings(table, f"{file}: [tool.lorarun]")
            baseline = table.get("baseline")
            found = found._replace(folder=folder if found.per_file else None)
            return found._replace(baseline=folder / baseline if baseline else None)
    return Settings()


def settings(table: Mapping[str, Any], where: str) -> Settings:
    """Check a table of settings; `where` is how a complaint names it. Raises SettingsError."""
    for name, value in table.items():
        if name not in KINDS:
            near = nearest(name, KINDS)
            raise SettingsError(f"{where}: unknown setting {quote(name)}; write {join(near or [*KINDS], 'or')}")
        kind, words = KINDS[name]
        if not isinstance(value, kind):
            raise SettingsError(f"{where}: {name} must be {words}, not {quote(str(value))}")
    severity = {name: _level(str(level), f"{where}: severity") for name, level in table.get("severity", {}).items()}
    per_file = _per_file(table.get("per-file-ignores", {}), f"{where}: per-file-ignores")
    quiet = [*table.get("ignore", ()), *severity, *(name for _, names in per_file for name in names)]
    check_names([str(name) for name in (*table.get("select", ()), *quiet)], where)
    check_quiet([str(name) for name in quiet], where)
    fail_on = _level(table.get("fail-on", "error"), f"{where}: fail-on")
    if fail_on is None:
        raise SettingsError(f"{where}: fail-on can't be off; write error, warning or info")
    select, ignore = tuple(table.get("select", ())), tuple(table.get("ignore", ()))
    return Settings(select, ignore, severity, fail_on, per_file=per_file)


def _per_file(table: Mapping[str, Any], where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Check the table of patterns with what is ignored in their files."""
    for pattern, names in table.items():
        if not isinstance(names, list):
            shown = quote(str(names))
            raise SettingsError(f"{where}: {quote(pattern)} must have a list of codes and slugs, not {shown}")
    return tuple((pattern, tuple(names)) for pattern, names in table.items())


def _matches(pattern: str, path: str, name: str) -> bool:
    """Whether a pattern stands for a path, or for the name of a file; `**/` also stands for no folder at all."""
    patterns = (pattern, pattern.replace("**/", ""))
    return any(fnmatchcase(path, each) or fnmatchcase(name, each) for each in patterns)


def check_names(names: Iterable[str], where: str) -> None:
    """Raise SettingsError for a name that is no rule's code, slug or start of a code."""
    for name in names:
        if not any(names_rule(name, rule.CODE, rule.SLUG) for rule in RULES):
            near = nearest(name, [rule.SLUG for rule in RULES]) or nearest(name, [rule.CODE for rule in RULES])
            remedy = f"write {join(near, 'or')}" if near else "`lorarun rules` lists them"
            raise SettingsError(f"{where}: no rule is called {quote(name)}; {remedy}")


def check_quiet(names: Iterable[str], where: str) -> None:
    """Raise SettingsError when a name stands for rules that report errors only."""
    for name in names:
        rules = [rule for rule in RULES if names_rule(name, rule.CODE, rule.SLUG)]
        if rules and all(rule.SEVERITY is Severity.ERROR for rule in rules):
            raise SettingsError(f"{where}: {name} reports errors, which can't be ignored or lowered")


def _table(file: Path) -> Mapping[str, Any] | None:
    """Read the table of one file; None when there is no such file, or no table in it."""
    try:
        text = file.read_text(encoding="utf-8")
        if not TABLE.search(text):  # so that most projects need no TOML reader
            return None
        import tomllib

        tool = tomllib.loads(text).get("tool", {})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"can't read {file}: {reason}") from error
    table = tool.get("lorarun") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{file}: tool.lorarun must be a table")
    return table


def _level(word: str, where: str) -> Severity | None:
    if word not in LEVELS:
        raise SettingsError(f"{where}: {quote(word)} is no severity; write {join([*LEVELS], 'or')}")
    return LEVELS[word]


def _weight(name: str) -> tuple[bool, int]:
    """How much a name says: a slug most, then the longest start of a code."""
    return not name.startswith("LR"), len(name)
