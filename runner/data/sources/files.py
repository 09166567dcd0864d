"""Local files as a dataset: a .txt or .md file is one document, of the other kinds each record is one.

What a file holds, `runner/data/file_kinds` reads, and what a record is, `_records.py` says. A malformed one, or one of
another kind than those before, stops everything, with its file and line: a dataset that lost records, or prompts,
without a word is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runner.data.file_kinds import Part, Wish, known_kind, read_rows, read_texts
from runner.data.sources._listing import Found as File
from runner.data.sources._listing import Listing
from runner.data.sources._paths import list_paths, unreadable
from runner.data.sources._reading import Choice, Reading
from runner.data.sources._records import Records
from runner.data.sources._source import (
    Document,
    Entry,
    Example,
    Found,
    Piece,
    Skipped,
    combined,
    file_digest,
    former_names,
    printable,
    stamp_files,
)
from runner.data.sources._writers import find_writer
from runner.failure import ExitCode, Failure
from schema.environment import Fields
from schema.rules.record_kinds import SIDES, contradiction
from schema.sections.data import Source

REMEDY = "wait until nothing writes to it, or write a path that leaves it out"


@dataclass(frozen=True, slots=True)
class Files:
    """Satisfies `runner.data.sources.DataSource`; units are bytes. `styles` are those of the run's datasets of it."""

    name: str
    section: Source
    styles: tuple[str, ...]
    listing: Listing
    validation: Listing | None = None

    @property
    def listed(self) -> tuple[File, ...]:
        """All files that are read, in order: those to validate on last."""
        return (*self.listing.files, *(self.validation.files if self.validation else ()))

    @property
    def files(self) -> tuple[tuple[str, Path], ...]:
        """Name below the folder of its path, and place, of each file that is read, in order."""
        return tuple((file.name, file.path) for file in self.listed)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.listed)

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        """(reason, name) of each entry beside the files that is not read; these come before what the files hold."""
        return (*self.listing.left_out, *(self.validation.left_out if self.validation else ()))

    @property
    def is_divided(self) -> bool:
        """Whether the spec names the files to validate on."""
        return self.validation is not None

    @property
    def _key(self) -> str:
        return f"data/sources/{self.name}/path"

    def fingerprints(self) -> tuple[str, ...]:
        """Digest formats, order and content of all files, and the field names, but neither names nor places.

        Behind it stand digests of an older version, with names. Raises Failure (INVALID) for a file out of reach.
        """
        try:
            contents = [file_digest(path) for _, path in self.files]
            former = [*zip(*(former_names(name, path) for name, path in self.files), strict=True)]
        except OSError as error:
            raise unreadable(self._key, error) from error
        suffixes, fields = [known_kind(path).suffix for _, path in self.files], _recipe(self)
        own = combined(zip(suffixes, contents, strict=True), "files", "2", *fields)
        older = (combined(zip(names, contents, strict=True), "files", "1", *fields) for names in former)
        return tuple(dict.fromkeys((own, *older)))

    def stamp(self) -> str:
        """Digest places, sizes and times of all files. Raises Failure (INVALID) when one cannot be found."""
        try:
            return stamp_files(self.files, "files", "1", *_recipe(self))
        except OSError as error:
            raise unreadable(self._key, error) from error

    @property
    def has_records(self) -> bool:
        """Whether a file holds records."""
        return any(known_kind(path).has_records for _, path in self.files)

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

    def first_records(self, enough: Callable[[int, Example], bool]) -> tuple[Fields, int]:
        """Read until `enough` says so of a record, of which it is told the number, or to the end.

        Of a long text its beginning is read. Returns what was found, and how many records were read. Raises as above.
        """
        records, number = Records(self._choice()), 0
        texts = (entry for entry in self._read(records, whole=False) if isinstance(entry, Example))
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
        for reason, name in self.left_out:
            yield Skipped(reason, name, 0)
        self._refuse_unfinished()
        before = 0
        for number, file in enumerate(self.listed):
            if self.is_divided:
                records.split = "train" if number < len(self.listing.files) else "val"
            try:
                yield from _read_file(file, records, before, most, whole=whole)
            except OSError as error:
                raise unreadable(self._key, error) from error
            except Failure:
                self._refuse_changed()  # which is why half a record stood there
                raise
            before += file.bytes
        self._refuse_changed()

    def _refuse_unfinished(self) -> None:
        """Raise Failure (INVALID) where a process has a file open for writing."""
        writer = find_writer(path for _, path in self.files)
        if writer:
            by = "the output of this command" if writer.own else f"process {writer.process} ({writer.command})"
            verb = "goes there" if writer.own else "is writing it"
            raise Failure(
                f"{self._key}: '{printable(writer.path)}' is not finished: {by} {verb}; {REMEDY}",
                ExitCode.INVALID,
            )

    def _refuse_changed(self) -> None:
        """Raise Failure (INVALID) where a file is not as it was listed."""
        for file in self.listed:
            try:
                now = file.path.stat()
            except OSError as error:
                raise unreadable(self._key, error) from error
            if (now.st_size, now.st_mtime_ns) != (file.bytes, file.mtime_ns):
                raise Failure(
                    f"{self._key}: '{printable(file.path)}' changed while it was read; {REMEDY}",
                    ExitCode.INVALID,
                )


def open_files(name: str, section: Source, styles: Collection[str] = ()) -> Files:
    """List the files of `data/sources/<name>`, for datasets of these styles. Raises Failure (INVALID) for none."""
    key = f"data/sources/{name}"
    listing, validation = list_paths(f"{key}/path", section.paths), None
    if section.validation is not None:
        validation = list_paths(f"{key}/validation", section.validation_paths)
        trained = {(file.device, file.inode) for file in listing.files}
        both = [file for file in validation.files if (file.device, file.inode) in trained]
        if both:
            raise Failure(
                f"{key}/validation: '{printable(both[0].path)}' is named by path, too; name other files to validate on",
                ExitCode.INVALID,
            )
    return Files(name, section, tuple(styles), listing, validation)


def _recipe(files: Files) -> tuple[str, ...]:
    """What the spec says of files that makes another dataset of them."""
    section = files.section
    fields = (section.text, section.prompt, section.completion)
    chat = (section.messages, section.instruction, section.input, section.output)
    # What older versions did not know counts where it is used.
    numbers = ("numbers as text",) if section.numbers_as_text else ()
    divided = (f"{len(files.listing.files)} to train on",) if files.is_divided else ()
    sides = () if (section.chosen, section.rejected) == SIDES else (section.chosen, section.rejected)
    return (*fields, *(field or "" for field in chat), *numbers, *divided, *sides)


def _read_file(file: File, records: Records, before: int, most: int | None, *, whole: bool) -> Iterator[Entry]:
    """Read one file; `before` are the bytes of those before it. Raises Failure INVALID, OSError."""
    kind = known_kind(file.path)
    if not kind.has_records:
        where = printable(file.path)
        records.text_file(where, kind.kind)
        yield from _as_text(read_texts(file.path, whole=whole), where, before, records.split)
        return
    wish = Wish(records.columns, whole=whole, numbers_as_text=records.numbers_as_text)
    for row in islice(read_rows(file.path, wish), most):
        yield from records.read(row._replace(done=before + row.done) if before else row)


def _as_text(parts: Iterator[Part], where: str, before: int, split: str | None) -> Iterator[Document | Piece]:
    """Yield a text as a document, or in pieces where it comes in several parts."""
    first = next(parts)
    if first.is_last:
        yield Document("", first.text, where, before + first.done, split)
        return
    yield Piece(first.text, where, before + first.done, False, split)
    for part in parts:
        yield Piece(part.text, where, before + part.done, part.is_last, split)
