"""Records of files: a prompt and a completion, one text, a completion alone, a conversation, or a pair of answers.

All records of a source are of one kind, that of the first one; `_reading.py` says which it is. What else they hold is
noted, so that nothing is left unread without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from runner.data.file_kinds.rows import Columns, Row, is_long
from runner.data.sources._nested import column_of, flattened
from runner.data.sources._pairs import PairReader, holds_text
from runner.data.sources._reading import COMPANIONS, Choice, Reading, names_of
from runner.data.sources._source import PIECE_CHARACTERS, Dialogue, Document, Example, Pair, Piece, Skipped
from runner.data.sources._texts import beginnings, held_whole, in_pieces, text_of
from runner.data.sources._unread import Unread
from runner.failure import ExitCode, Failure
from schema.environment import Fields

MOST_KNOWN = 1000  # sets of fields whose reading is kept at hand


class Records:
    """Reads the records of all files of one source, each by the fields that the first one is read by."""

    def __init__(self, choice: Choice) -> None:
        self._choice, self._section = choice, choice.section
        self._first: tuple[str, ...] = ()
        self._begin = ""  # file and line of the first record, or the first file without records
        self._reading: Reading | None = None
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}  # fields of a record → those that are read of it
        self._unread = Unread()
        self.split: str | None = None  # of the file that is read
        self._pairs: Reading | None = None  # the reading of pairs of answers
        self._pair_reader = PairReader(choice)
        self._named = choice.field_names
        self._nested = tuple(field for field in self._named if "." in field)
        self._of_table: tuple[str, ...] = ()  # fields that are read of the table which is being read
        self.columns = Columns(self._is_named, self._columns, self._note_columns)

    @property
    def numbers_as_text(self) -> bool:
        """Whether numbers are read as they are written."""
        return self._section.numbers_as_text

    @property
    def found(self) -> Fields:
        """What was found in the records so far."""
        styled = bool(self._first) and self._choice.is_styled(self._first)
        unread, lost = self._unread.found(conversations="messages" in (self._reading or {}))
        return Fields(self._reading or {}, self._first, unread, lost, styled)

    def read(self, row: Row) -> Iterator[Example | Piece | Skipped]:
        """Read one record: one entry, or the pieces of a long text; a pair that teaches nothing is skipped.

        Raises Failure (INVALID) when it is another kind than those before, or malformed.
        """
        record = flattened(row.fields, self._nested)
        wanted = self.fields((*record,), row.where, record)
        noted = record
        if row.is_long:
            # The text that is read comes in pieces where it stands alone; what is read with others is held.
            alone = None if self._section.holds_conversations or len(wanted) > 1 else wanted[0]
            record = {
                name: held_whole(value, row.where, name) if name in wanted and name != alone else value
                for name, value in record.items()
            }
            noted = {name: beginnings(value) for name, value in record.items()}
        if len(record) > len(wanted):
            self._unread.note(noted, wanted)
        yield from self._read(record, wanted, row)

    def _read(
        self, record: Mapping[str, Any], wanted: tuple[str, ...], row: Row
    ) -> Iterator[Example | Piece | Skipped]:
        where, done = row.where, row.done
        if self._pairs is not None:
            pair = self._pair_reader.read(record, self._pairs, wanted[len(self._pairs) :], row)
            yield replace(pair, split=self.split) if isinstance(pair, Pair) else pair
            return
        if self._section.messages is not None:
            yield replace(_conversation(record, self._section.messages, where, done), split=self.split)
        elif self._section.instruction is not None:
            yield replace(_instruction(record, self._choice, where, done), split=self.split)
        elif len(wanted) == 2:
            prompt = self._text(record, wanted[0], where)
            yield Document(prompt, self._text(record, wanted[1], where), where, done, self.split)
        else:
            value = record[wanted[0]] if is_long(record[wanted[0]]) else self._text(record, wanted[0], where)
            if isinstance(value, str) and len(value) <= PIECE_CHARACTERS:
                yield Document("", value, where, done, self.split)
            else:
                yield from in_pieces(value, where, done, self.split)

    def _text(self, record: Mapping[str, Any], field: str, where: str) -> str:
        return text_of(record, field, where, self._choice)

    def fields(
        self, present: tuple[str, ...], where: str, sample: Mapping[str, Any] = MappingProxyType({})
    ) -> tuple[str, ...]:
        """Return the fields that are read of a record, or columns of a table. Raises Failure INVALID.

        They are (prompt, completion), one field, or those of a conversation. By the values of a `sample` a refusal
        knows which fields hold text.
        """
        if present not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            reading = self._compared(present, where, sample)
            if "chosen" in reading:
                self._pairs = reading
            has_turns = "chosen" in reading and not holds_text(sample.get(reading["chosen"]))
            companions = _companions(present, reading) if has_turns or {"messages", "instruction"} & {*reading} else ()
            self._known[present] = (*reading.values(), *companions)
        return self._known[present]

    def _is_named(self, field: str) -> bool:
        """Whether the spec, or a default, reads a field of this name, or one that lies in it."""
        return any(name == field or name.startswith(f"{field}.") for name in self._named)

    def _columns(self, sample: Mapping[str, Any], where: str) -> list[str]:
        """The columns of a table that are read, by one of its rows."""
        flat = flattened(sample, self._nested)
        self._of_table = self.fields((*flat,), where, flat)
        return [*dict.fromkeys(column_of(field, (*sample,)) for field in self._of_table)]

    def _note_columns(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Note what the columns of a table hold that are not read, by some of its rows."""
        for sample in samples:
            flat = flattened(sample, self._nested)
            self._unread.note({**dict.fromkeys(self._of_table), **flat}, self._of_table)

    def text_file(self, where: str, kind_of_file: str) -> None:
        """Take a file without records for one text. Raises Failure INVALID where the source has another kind."""
        section = self._section
        named = [key for key in ("prompt", "completion") if key in section.model_fields_set]
        if section.holds_conversations or named:
            kind = "conversations" if section.holds_conversations else f"the {named[0]}"
            verb = "are" if section.holds_conversations else "is"
            raise Failure(
                f"{where}: a {kind_of_file} file has no records, and {kind} {verb} read from their fields; write "
                ".jsonl, .csv or .parquet files",
                ExitCode.INVALID,
            )
        self._same_kind({}, where)

    def _compared(self, present: tuple[str, ...], where: str, sample: Mapping[str, Any]) -> Reading:
        """The reading of a record, which must be that of the first one."""
        try:
            texts = [name for name in present if isinstance(sample.get(name), str) or is_long(sample.get(name))]
            reading = self._choice.of(present, texts)
        except ValueError as error:
            before = f", and {self._begin} is read by {names_of(self._reading or {})}" if self._first else ""
            sentence, _, remedy = str(error).rpartition("; ")
            alike = "make all records of a source alike" if before else remedy
            raise Failure(f"{where}: {sentence}{before}; {alike}", ExitCode.INVALID) from error
        self._same_kind(reading, where)
        self._first = self._first or present
        return reading

    def _same_kind(self, reading: Reading, where: str) -> None:
        """Compare a reading with those before; a .txt file, which has no fields, is one text."""
        if self._reading is None:
            self._reading, self._begin = reading, where
        if {*reading, *([] if reading else ["text"])} != {*self._reading, *([] if self._reading else ["text"])}:
            raise Failure(
                f"{where}: this is read by {names_of(reading)}, and {self._begin} by {names_of(self._reading)}; make "
                "all records of a source alike, or name two sources",
                ExitCode.INVALID,
            )
        self._reading = self._reading or reading


def _conversation(record: Mapping[str, Any], field: str, where: str, done: int) -> Dialogue:
    from runner.data.chat.conversation import read_conversation  # text is read without chat templates

    try:
        if "." in field:  # what belongs to a conversation lies beside it
            beside = ((each, f"{field.rpartition('.')[0]}.{each}") for each in COMPANIONS)
            record = {field: record[field]} | {each: record[name] for each, name in beside if name in record}
        # Whether somebody must answer, chat/train_on decides.
        return Dialogue(read_conversation(record, field, answered=False), where, done)
    except ValueError as error:
        raise Failure(f"{where}: {error}", ExitCode.INVALID) from error


def _instruction(record: Mapping[str, Any], choice: Choice, where: str, done: int) -> Dialogue:
    """A conversation of one turn; what its instruction is about stays apart, for a template may put it elsewhere."""
    section = choice.section
    asked = text_of(record, str(section.instruction), where, choice)
    field = section.input
    about = None if field is None or record[field] is None else text_of(record, field, where, choice)
    answer = text_of(record, str(section.output), where, choice)
    user = {"role": "user", "content": asked} | ({"input": about} if about else {})
    named = (section.instruction, field, section.output)
    within = f"{section.instruction}".rpartition(".")[0]
    names = {each: f"{within}.{each}" if within else each for each in COMPANIONS}
    beside = {each: record[name] for each, name in names.items() if name in record and name not in named}
    messages = [user, {"role": "assistant", "content": answer}]
    return _conversation({"messages": messages, **beside}, "messages", where, done)


def _companions(present: Collection[str], reading: Reading) -> list[str]:
    """The fields beside a conversation, or two, that are read with it."""
    within = next(iter(reading.values())).rpartition(".")[0]
    beside = [f"{within}.{field}" if within else field for field in COMPANIONS]
    return [field for field in beside if field in present and field not in reading.values()]
