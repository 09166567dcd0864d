"""Local files as a dataset: .txt is one document, .jsonl a record a line, .parquet a record a row.

What a record is, `runner/data/sources/_records.py` says. A malformed one, or one of another kind than those before,
stops everything, with its file and line: a dataset that lost records, or prompts, without a word is worse than none.
"""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from runner.data.sources._listing import Listing, list_files
from runner.data.sources._reading import Choice, Reading
from runner.data.sources._records import Records
from runner.data.sources._source import (
    Dialogue,
    Document,
    Entry,
    Found,
    LeftOut,
    Skipped,
    combined,
    counted,
    file_digest,
    former_names,
    printable,
    stamp_files,
)
from runner.data.sources._writers import find_writer
from runner.failure import ExitCode, Failure
from schema.environment import Fields
from schema.rules.record_kinds import contradiction
from schema.rules.source_format import SUFFIXES
from schema.sections.data import Source
from schema.text.paths import at_home
from schema.text.wording import join

BUFFER_BYTES = 2**20  # of each column of a table; without a buffer, whole groups of rows are held, of gigabytes
SAMPLED = 256  # rows of a table of which the columns that nothing is made of are looked at
REMEDY = "wait until nothing writes to it, or write a path that leaves it out"
FIRST_TEXT_BYTES, FIRST_LINE_BYTES = 2**16, 2**22  # of a .txt file, and of a line, where not all of a file is read


@dataclass(frozen=True, slots=True)
class Files:
    """Satisfies `runner.data.sources.DataSource`; units are bytes. `styles` are those of the run's datasets of it."""

    name: str
    section: Source
    styles: tuple[str, ...]
    listing: Listing

    @property
    def files(self) -> tuple[tuple[str, Path], ...]:
        """Name below the folder of `path`, and place, of each file that is read, in order."""
        return tuple((file.name, file.path) for file in self.listing.files)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.listing.files)

    def fingerprints(self) -> tuple[str, ...]:
        """Digest formats, order and content of all files, and the field names, but neither names nor places.

        Behind it stand digests of an older version, with names. Raises Failure (INVALID) for a file out of reach.
        """
        try:
            contents = [file_digest(path) for _, path in self.files]
            former = [*zip(*(former_names(name, path) for name, path in self.files), strict=True)]
        except OSError as error:
            raise _unreadable(self.name, error) from error
        suffixes, fields = [path.suffix for _, path in self.files], self._fields()
        own = combined(zip(suffixes, contents, strict=True), "files", "2", *fields)
        older = (combined(zip(names, contents, strict=True), "files", "1", *fields) for names in former)
        return tuple(dict.fromkeys((own, *older)))

    def stamp(self) -> str:
        """Digest places, sizes and times of all files. Raises Failure (INVALID) when one cannot be found."""
        try:
            return stamp_files(self.files, "files", "1", *self._fields())
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def _fields(self) -> tuple[str, ...]:
        section = self.section
        fields = (section.text, section.prompt, section.completion)
        chat = (section.messages, section.instruction, section.input, section.output)
        return (*fields, *(field or "" for field in chat))

    @property
    def has_records(self) -> bool:
        """Whether a file holds records."""
        return any(path.suffix != ".txt" for _, path in self.files)

    def reading(self, first: tuple[str, ...]) -> Reading:
        """Return which field is read as what. Raises ValueError for a first record that can't be read."""
        return self._choice().of(first) if first else {}

    def documents(self, start: int = 0, *, most: int | None = None) -> Iterator[Entry]:
        """Read all files in order; `most` records of each, of a long text its beginning.

        Raises Failure (INVALID) with file and line, for fields of two kinds, and for a file that is being written.
        """
        return islice(self._entries(most), start, None)

    def _entries(self, most: int | None) -> Iterator[Entry]:
        records = Records(self._choice())
        yield from self._read(records, most, whole=most is None)
        if records.found.first:
            yield Found(records.found, self.total)

    def first_records(self, enough: Callable[[int, Document | Dialogue], bool]) -> tuple[Fields, int]:
        """Read until `enough` says so of a record, of which it is told the number, or to the end.

        Of a long text its beginning is read. Returns what was found, and how many records were read. Raises Failure
        (INVALID) as `documents`.
        """
        records, number = Records(self._choice()), 0
        texts = (entry for entry in self._read(records, whole=False) if isinstance(entry, Document | Dialogue))
        with closing(texts):
            for number, entry in enumerate(texts, start=1):
                if enough(number, entry):
                    break
        return records.found, number

    def _choice(self) -> Choice:
        return Choice(self.name, self.section, self.styles)

    def _read(self, records: Records, most: int | None = None, *, whole: bool) -> Iterator[Entry]:
        named = [field for field, value in self.section if value != Source.model_fields[field].default]
        if sentence := contradiction(f"data/sources/{self.name}", named):
            raise Failure("; ".join(sentence), ExitCode.INVALID)
        for reason, name in self.listing.left_out:
            yield Skipped(reason, name, 0)
        self._refuse_unfinished()
        before = 0
        for _, path in self.files:
            try:
                if path.suffix == ".txt":
                    yield _read_text(path, records, before, whole=whole)
                elif path.suffix == ".jsonl":
                    yield from islice(_read_lines(path, records, before, whole=whole), most)
                else:
                    yield from islice(_read_parquet(path, records, before), most)
                before += path.stat().st_size
            except OSError as error:
                raise _unreadable(self.name, error) from error
            except Failure:
                self._refuse_changed()  # which is why half a record stood there
                raise
        self._refuse_changed()

    def _refuse_unfinished(self) -> None:
        """Raise Failure (INVALID) where a process has a file open for writing."""
        writer = find_writer(path for _, path in self.files)
        if writer:
            by = "the output of this command" if writer.own else f"process {writer.process} ({writer.command})"
            verb = "goes there" if writer.own else "is writing it"
            raise Failure(
                f"data/sources/{self.name}/path: '{printable(writer.path)}' is not finished: {by} {verb}; {REMEDY}",
                ExitCode.INVALID,
            )

    def _refuse_changed(self) -> None:
        """Raise Failure (INVALID) where a file is not as it was listed."""
        for file in self.listing.files:
            try:
                now = file.path.stat()
            except OSError as error:
                raise _unreadable(self.name, error) from error
            if (now.st_size, now.st_mtime_ns) != (file.bytes, file.mtime_ns):
                raise Failure(
                    f"data/sources/{self.name}/path: '{printable(file.path)}' changed while it was read; {REMEDY}",
                    ExitCode.INVALID,
                )


def open_files(name: str, section: Source, styles: Collection[str] = ()) -> Files:
    """List the files of `data/sources/<name>`, for datasets of these styles. Raises Failure (INVALID) for none."""
    key, path = f"data/sources/{name}/path", section.path or ""
    try:
        listing = list_files(at_home(path))
    except OSError as error:
        raise _unreadable(name, error) from error
    except ValueError as error:
        raise Failure(f"{key}: '{path}' can't be read: {error}", ExitCode.INVALID) from error
    if listing is None:
        braces = "; braces stand for themselves: write a source for each, or * ? [ ]" if "{" in path else ""
        raise Failure(f"{key}: '{path}' does not exist{braces}", ExitCode.INVALID)
    if not listing.files:
        found = LeftOut()
        for reason, entry in listing.left_out:
            found.add(reason, entry)
        beside = f": left out are {counted(found.counts())}" if listing.looked_through and listing.left_out else ""
        raise Failure(f"{key}: '{path}' names no {join(SUFFIXES, 'or')} file{beside}", ExitCode.INVALID)
    return Files(name, section, tuple(styles), listing)


def _read_text(path: Path, records: Records, before: int, *, whole: bool) -> Document:
    records.text_file(printable(path))
    with path.open("rb") as handle:
        content = handle.read(-1 if whole else FIRST_TEXT_BYTES)
        ends = whole or not handle.read(1)
    try:
        text = getincrementaldecoder("utf-8-sig")().decode(content, final=ends)
        return Document("", text, printable(path), before + len(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failure(
            f"{printable(path)}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; convert the file",
            ExitCode.INVALID,
        ) from error


def _read_lines(path: Path, records: Records, before: int, *, whole: bool) -> Iterator[Document | Dialogue]:
    done = before
    with path.open("rb") as handle:
        lines = handle if whole else iter(lambda: handle.readline(FIRST_LINE_BYTES), b"")
        for number, line in enumerate(lines, start=1):
            if not whole and len(line) == FIRST_LINE_BYTES:
                return  # the rest of such a line, perhaps of gigabytes, is not looked at
            done += len(line)
            where = f"{printable(path)}:{number}"
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
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as table:
            rows = max(1, table.metadata.num_rows)
            size = path.stat().st_size
            columns = tuple(table.schema_arrow.names)
            texts = {column.name: "" for column in table.schema_arrow if str(column.type) in ("string", "large_string")}
            wanted = records.fields(columns, printable(path), texts)
            repeated = [field for field in wanted if columns.count(field) > 1]
            if repeated:
                raise Failure(f"{path}: two columns are called '{repeated[0]}'; rename one", ExitCode.INVALID)
            if len(columns) > len(wanted):  # the others are read of some rows, to say what they hold
                some = next(table.iter_batches(batch_size=SAMPLED), None)
                records.note_unread(some.to_pylist() if some else (), columns, printable(path))
            number = 0
            for batch in table.iter_batches(batch_size=1024, columns=list(wanted)):
                for record in batch.to_pylist():
                    number += 1
                    where = f"{printable(path)}, row {number}"
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
    where = f"{printable(error.filename)}: " if error.filename else ""
    return Failure(f"data/sources/{name}/path: {where}{error.strerror or error}", ExitCode.INVALID)
