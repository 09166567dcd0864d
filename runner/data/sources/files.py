"""Local files as a dataset: .txt is one document, .jsonl a record a line, .parquet a record a row.

What a record is, `runner/data/sources/_records.py` says. A malformed one stops everything, with its file and line: a
dataset that lost records, or prompts, without a word is worse than none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.sources._records import Records
from runner.data.sources._source import Dialogue, Document, Skipped, fingerprint_files, stamp_files
from runner.failure import ExitCode, Failure
from schema.rules.record_kinds import contradiction
from schema.sections.data import Source
from schema.text.paths import at_home

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
        fields = (section.text, section.prompt, section.completion)
        chat = (section.messages, section.instruction, section.input, section.output)
        try:
            return digest(self.files, "files", "1", *fields, *(field or "" for field in chat))
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def documents(self) -> Iterator[Document | Dialogue | Skipped]:
        """Read all files in order. Raises Failure (INVALID) with file and line, and for fields of two kinds."""
        named = [field for field, value in self.section if value != Source.model_fields[field].default]
        if sentence := contradiction(f"data/sources/{self.name}", named):
            raise Failure("; ".join(sentence), ExitCode.INVALID)
        for name in self.ignored:
            yield Skipped("neither .txt, .jsonl nor .parquet", name, 0)
        before = 0
        for _, path in self.files:
            try:
                if path.suffix == ".txt":
                    yield _read_text(path, self.section, before)
                elif path.suffix == ".jsonl":
                    yield from _read_lines(path, Records(self.section), before)
                else:
                    yield from _read_parquet(path, Records(self.section), before)
                before += path.stat().st_size
            except OSError as error:
                raise _unreadable(self.name, error) from error


def open_files(name: str, section: Source) -> Files:
    """List the files of `data/sources/<name>`. Raises Failure (INVALID) when there are none."""
    key = f"data/sources/{name}/path"
    try:
        path = at_home(section.path)
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
    except ValueError as error:  # such a pattern
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


def _read_text(path: Path, section: Source, before: int) -> Document:
    if section.holds_conversations:
        raise Failure(
            f"{path}: a .txt file has no records, and conversations are read from their fields; write .jsonl or "
            ".parquet files",
            ExitCode.INVALID,
        )
    content = path.read_bytes()
    try:
        return Document("", content.decode("utf-8-sig"), str(path), before + len(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failure(
            f"{path}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; convert the file", ExitCode.INVALID
        ) from error


def _read_lines(path: Path, records: Records, before: int) -> Iterator[Document | Dialogue]:
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
            yield records.read(record, where, done)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. Raises ValueError where a field is written twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"field '{next(name for name in names if names.count(name) > 1)}' is written twice")
    return found


def _read_parquet(path: Path, records: Records, before: int) -> Iterator[Document | Dialogue]:
    # Reading a parquet file needs a library that takes 0.4 s to import.
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            rows = max(1, table.metadata.num_rows)
            size = path.stat().st_size
            wanted = records.fields(table.schema_arrow.names, str(path))
            repeated = [field for field in wanted if table.schema_arrow.names.count(field) > 1]
            if repeated:
                raise Failure(f"{path}: two columns are called '{repeated[0]}'; rename one", ExitCode.INVALID)
            number = 0
            for batch in table.iter_batches(batch_size=1024, columns=list(wanted)):
                for record in batch.to_pylist():
                    number += 1
                    where = f"{path}, row {number}"
                    yield records.read(_without_filling(record), where, before + size * number // rows)
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Failure(f"{path}: not a readable parquet file: {reason}", ExitCode.INVALID) from error


def _without_filling(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out the nulls inside values: in a table, each call has the arguments of all calls, and so has each tool."""
    return {name: _filled(value) for name, value in record.items()}


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items() if inner is not None}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value


def _unreadable(name: str, error: OSError) -> Failure:
    where = f"{error.filename}: " if error.filename else ""
    return Failure(f"data/sources/{name}: {where}{error.strerror or error}", ExitCode.INVALID)
