"""Local files as a dataset: .txt is one document, .jsonl a record a line, .parquet a record a row.

A record is a prompt and a completion, or one text, or a completion alone, and all records of a file are of one
kind. A malformed record stops everything, with its file and line: a dataset that lost records, or prompts, without a
word is worse than none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.sources._source import Document, Skipped, fingerprint_files, stamp_files
from runner.failure import ExitCode, Failure
from schema.sections.data import Source

SUFFIXES = (".txt", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Files:
    """Satisfies `runner.data.sources.DataSource`; units are bytes. `ignored` have a suffix that is not ours."""

    name: str
    section: Source
    files: tuple[tuple[str, Path], ...]
    ignored: tuple[str, ...]
    total: int

    def fingerprint(self) -> str:
        """Digest all files and the field names. Raises Failure (INVALID) when one cannot be read."""
        return self._identified(fingerprint_files)

    def stamp(self) -> str:
        """Digest places, sizes and times of all files. Raises Failure (INVALID) when one cannot be found."""
        return self._identified(stamp_files)

    def _identified(self, digest: Callable[..., str]) -> str:
        section = self.section
        try:
            return digest(self.files, "files", "1", section.text, section.prompt, section.completion)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def documents(self) -> Iterator[Document | Skipped]:
        """Read all files in order. Raises Failure (INVALID) with file and line."""
        for name in self.ignored:
            yield Skipped("neither .txt, .jsonl nor .parquet", name, 0)
        before = 0
        for _, path in self.files:
            try:
                if path.suffix == ".txt":
                    yield _read_text(path, before)
                elif path.suffix == ".jsonl":
                    yield from _read_lines(path, Fields(self.section), before)
                else:
                    yield from _read_parquet(path, Fields(self.section), before)
                before += path.stat().st_size
            except OSError as error:
                raise _unreadable(self.name, error) from error


def open_files(name: str, section: Source) -> Files:
    """List the files of `data/sources/<name>`. Raises Failure (INVALID) when there are none."""
    key = f"data/sources/{name}/path"
    try:
        path = Path(section.path).expanduser()
        if path.is_dir():
            base, found = path, [entry for entry in path.rglob("*") if not _hidden(entry.relative_to(path))]
        elif path.exists():
            base, found = path.parent, [path]
        else:
            if any("**" in part and part != "**" for part in path.parts):  # newer Pythons would read it as *
                raise ValueError("'**' stands alone between two slashes")
            base, found = Path(), list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
            if not path.name.startswith("."):
                found = [entry for entry in found if not entry.name.startswith(".")]
        listed = sorted((_relative(entry, base), entry) for entry in found if entry.is_file())
        total = sum(entry.stat().st_size for _, entry in listed if entry.suffix in SUFFIXES)
    except OSError as error:
        raise _unreadable(name, error) from error
    except (ValueError, RuntimeError) as error:  # such a pattern, a home that nobody has
        raise Failure(f"{key}: '{section.path}' can't be read: {error}", ExitCode.INVALID) from error
    files = tuple(entry for entry in listed if entry[1].suffix in SUFFIXES)
    if not files:
        what = "does not exist" if not found and not path.is_dir() else "names no .txt, .jsonl or .parquet file"
        raise Failure(f"{key}: '{section.path}' {what}", ExitCode.INVALID)
    ignored = tuple(relative for relative, entry in listed if entry.suffix not in SUFFIXES)
    return Files(name, section, files, ignored, total)


def _relative(path: Path, base: Path) -> str:
    return (path.relative_to(base) if path.is_relative_to(base) else path).as_posix()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _read_text(path: Path, before: int) -> Document:
    content = path.read_bytes()
    try:
        return Document("", content.decode("utf-8-sig"), str(path), before + len(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failure(
            f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; convert the file", ExitCode.INVALID
        ) from error


def _read_lines(path: Path, fields: Fields, before: int) -> Iterator[Document]:
    done = before
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            done += len(line)
            where = f"{path}:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if not text.strip():
                    continue
                record = json.loads(text, object_pairs_hook=_unique)
            except UnicodeDecodeError as error:
                raise Failure(
                    f"{where}: byte 0x{line[error.start]:02x} is not UTF-8; convert the file", ExitCode.INVALID
                ) from error
            except json.JSONDecodeError as error:
                raise Failure(f"{where}: not JSON: {error.msg} at column {error.colno}", ExitCode.INVALID) from error
            except (ValueError, RecursionError) as error:  # numbers of 4,300 digits, brackets a thousand deep
                raise Failure(f"{where}: not a record: {error}", ExitCode.INVALID) from error
            if not isinstance(record, dict):
                raise Failure(f"{where}: a line must be one JSON object, not {type(record).__name__}", ExitCode.INVALID)
            yield _to_document(record, fields, where, done)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. Raises ValueError where a field is written twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"field '{next(name for name in names if names.count(name) > 1)}' is written twice")
    return found


def _read_parquet(path: Path, fields: Fields, before: int) -> Iterator[Document]:
    # Reading a parquet file needs a library that takes 0.4 s to import.
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            rows = max(1, table.metadata.num_rows)
            size = path.stat().st_size
            wanted = fields.of(table.schema_arrow.names, str(path))
            repeated = [field for field in wanted if table.schema_arrow.names.count(field) > 1]
            if repeated:
                raise Failure(f"{path}: two columns are called '{repeated[0]}'; rename one", ExitCode.INVALID)
            number = 0
            for batch in table.iter_batches(batch_size=1024, columns=list(wanted)):
                for record in batch.to_pylist():
                    number += 1
                    where = f"{path}, row {number}"
                    yield _to_document(record, fields, where, before + size * number // rows)
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Failure(f"{path}: not a readable parquet file: {reason}", ExitCode.INVALID) from error


def _to_document(record: Mapping[str, Any], fields: Fields, where: str, done: int) -> Document:
    wanted = fields.of(record, where)
    prompt = _string(record, wanted[0], where) if len(wanted) == 2 else ""
    return Document(prompt, _string(record, wanted[-1], where), where, done)


class Fields:
    """Which fields of a file's records are read: those of the first record, and then of all."""

    def __init__(self, section: Source) -> None:
        self._section = section
        self._wanted: tuple[str, ...] | None = None

    def names(self) -> tuple[str, str, str]:
        """All fields that the source may have."""
        return self._section.text, self._section.prompt, self._section.completion

    def of(self, record: Collection[str], where: str) -> tuple[str, ...]:
        """Return (prompt, completion) or one field, the same for every record. Raises Failure INVALID."""
        wanted = self._chosen(record, where)
        if self._wanted is None:
            self._wanted = wanted
        if wanted != self._wanted:
            own, before = (" and ".join(f"'{field}'" for field in fields) for fields in (wanted, self._wanted))
            raise Failure(
                f"{where}: this record is read by {own}, and those before by {before}; make all records of a file "
                "alike",
                ExitCode.INVALID,
            )
        return wanted

    def _chosen(self, record: Collection[str], where: str) -> tuple[str, ...]:
        """The fields that the spec names; otherwise a pair where there is a prompt, or the text, or a completion."""
        section, written = self._section, self._section.model_fields_set & {"text", "prompt", "completion"}
        if written == {"text"}:
            wanted: tuple[str, ...] = (section.text,)
        elif section.prompt in record or "prompt" in written:
            wanted = (section.prompt, section.completion)
        else:
            by_text = section.text in record and "completion" not in written
            wanted = (section.text if by_text else section.completion,)
        if any(field not in record for field in wanted):
            raise _missing(where, section, record)
        return wanted


def _string(record: Mapping[str, Any], field: str, where: str) -> str:
    value = record[field]
    if isinstance(value, str):
        return value
    shown = "null" if value is None else type(value).__name__
    raise Failure(f"{where}: field '{field}' must be text, not {shown}", ExitCode.INVALID)


def _missing(where: str, section: Source, present: Any) -> Failure:
    has = ", ".join(f"'{field}'" for field in present) or "none"
    return Failure(
        f"{where}: a record needs field '{section.text}', or '{section.prompt}' and '{section.completion}' together; "
        f"it has {has}; name its fields under data/sources",
        ExitCode.INVALID,
    )


def _unreadable(name: str, error: OSError) -> Failure:
    where = f"{error.filename}: " if error.filename else ""
    return Failure(f"data/sources/{name}: {where}{error.strerror or error}", ExitCode.INVALID)
