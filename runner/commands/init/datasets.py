"""What a starter spec says of a dataset that the command line names: a built-in one, or files, which are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runner.data.file_kinds import Columns, Wish, known_kind, read_rows
from runner.data.sources import BUILTIN
from runner.data.sources.files import open_files
from runner.failure import ExitCode, Failure
from schema.document.field_names import PAIRS, TEXTS, guess, guess_by_place
from schema.document.file_kinds import ANY_KIND, SUFFIXES
from schema.rules import machine_dependent_value
from schema.sections.data import Source
from schema.starter import Dataset
from schema.text.paths import at_home
from schema.text.wording import join, nearest, quote

STYLES = {"pydoc": "PADDED", "pystdlib": "PMD"}
# Keys of a message that say who speaks.
SPEAKERS = ("role", "from")
FIELDS = frozenset({"messages", "conversations", "text", "prompt", "completion"})  # that make an object a record
MADE_OF_FILES = f"a {ANY_KIND}, a folder or a pattern of them"


class Fields(NamedTuple):
    """The fields of a file's records that hold text, and the one that holds a conversation."""

    texts: list[str]
    messages: str | None


def find_datasets(full: Iterable[str], lora: Iterable[str]) -> tuple[list[Dataset], list[Dataset]]:
    """Return the datasets of both phases; one that both name is one. Raises Failure INVALID, STORAGE."""
    known: dict[str, Dataset] = {}
    names: set[str] = set(BUILTIN)
    for given in (*full, *lora):
        if given not in known:
            known[given] = Dataset(given, STYLES[given]) if given in BUILTIN else _from_files(given, names)
            names.add(known[given].name)
    return [known[given] for given in full], [known[given] for given in lora]


def portable(given: str) -> tuple[str, bool]:
    """Return a path as a spec should have it, and whether the linter would say that it is one person's."""
    path = at_home(given)
    if not given.isprintable():
        raise Failure(f"the path {quote(given)} holds signs that a spec can't; rename it", ExitCode.INVALID)
    text = path.as_posix()
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        text = path.relative_to(Path.cwd()).as_posix()
    return text, any(form.search(text) for form, *_ in machine_dependent_value.FORMS)


def _from_files(given: str, taken: set[str]) -> Dataset:
    path, elsewhere = portable(given)
    if not (path.endswith(SUFFIXES) or "/" in path or Path(path).exists()):
        near = nearest(given, BUILTIN)
        remedy = f"did you mean {join(near, 'or')}?" if near else f"write {join([*BUILTIN, MADE_OF_FILES], 'or')}"
        raise Failure(f"{quote(given)} is neither a built-in dataset nor a file; {remedy}", ExitCode.INVALID)
    name = _name(path, taken)
    try:
        files = open_files(name, Source(path=path)).files
    except Failure as failure:  # there is no spec yet whose key could be named
        raise Failure(str(failure).removeprefix(f"data/sources/{name}/path: "), failure.exit_code) from failure
    records = next((file for _, file in files if known_kind(file).has_records), None)
    if records is None:
        return Dataset(name, "PMD", {"path": path}, elsewhere)
    style, fields = _reading(_fields(records), records)
    return Dataset(name, style, {"path": path, **fields}, elsewhere)


def _name(path: str, taken: set[str]) -> str:
    """A name for the files at a path: that of the file, or of the folder in which a pattern looks."""
    parts = [part for part in Path(path).parts if not set("*?[") & set(part)]
    stem = Path(parts[-1]).stem if parts else "data"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip(".-") or "data"
    return next(name for name in (plain, *(f"{plain}-{number}" for number in range(2, 10_000))) if name not in taken)


def _reading(found: Fields, file: Path) -> tuple[str, dict[str, str]]:
    """Return the style of records with these fields, and the keys of data/sources that say so."""
    if found.messages is not None:
        return "PADDED", {"messages": found.messages}
    fields = found.texts
    keys = guess(fields) or guess_by_place(fields)
    if "text" in keys:
        return "PMD", {} if keys["text"] == TEXTS[0] and "prompt" not in fields else keys
    if keys:
        return "PADDED", {} if tuple(keys.values()) == PAIRS[0] else keys
    named = join([quote(field) for field in fields], "and") if fields else "none"
    raise Failure(
        f"{file}: the text fields of its records are {named}; call them text, or prompt and completion",
        ExitCode.INVALID,
    )


def _fields(file: Path) -> Fields:
    """The fields of a file's records that are of use, by its first record and the columns of a table."""
    columns: dict[str, Any] = {}
    wish = Wish(Columns(FIELDS.__contains__, lambda sample, _: columns.update(sample) or [*sample], _note), whole=False)
    try:
        first = next(read_rows(file, wish), None)
    except OSError as error:
        raise Failure(f"can't read {file}: {error.strerror or error}", ExitCode.INVALID) from error
    fields = first.fields if first else {}
    record = {**fields, **columns, **{name: value for name, value in fields.items() if value is not None}}
    if not record:
        raise Failure(f"{file}: it holds no record", ExitCode.INVALID)
    texts = [name for name, value in record.items() if isinstance(value, str)]
    if "input" in record and record["input"] is None and {"instruction", "output"} <= set(texts):
        texts.append("input")  # of a task that needs none
    return Fields(texts, next((name for name, value in record.items() if _is_conversation(value)), None))


def _note(samples: Iterable[Mapping[str, Any]]) -> None:
    """Take rows of columns that are not read: there are none."""


def _is_conversation(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, Mapping) and any(key in first for key in SPEAKERS)
