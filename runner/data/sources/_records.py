"""Records of .jsonl and .parquet files: a prompt and a completion, one text, a completion alone, or a conversation.

All records of a source are of one kind, that of the first one; `_reading.py` says which it is. What else they hold is
noted, so that nothing is left unread without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from runner.data.sources._reading import COMPANIONS, Choice, Reading, names_of
from runner.data.sources._source import Dialogue, Document
from runner.data.sources._unread import Unread
from runner.failure import ExitCode, Failure
from schema.environment import Fields
from schema.sections.data import Source

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

    @property
    def found(self) -> Fields:
        """What was found in the records so far."""
        styled = bool(self._first) and self._choice.is_styled(self._first)
        unread, lost = self._unread.found(conversations="messages" in (self._reading or {}))
        return Fields(self._reading or {}, self._first, unread, lost, styled)

    def read(self, record: Mapping[str, Any], where: str, done: int) -> Document | Dialogue:
        """Read one record. Raises Failure (INVALID) when it is another kind than those before, or malformed."""
        wanted = self.fields((*record,), where, record)
        entry = self._read(record, wanted, where, done)
        if len(record) > len(wanted):
            self._unread.note(record, wanted)
        return entry

    def _read(self, record: Mapping[str, Any], wanted: tuple[str, ...], where: str, done: int) -> Document | Dialogue:
        if self._section.messages is not None:
            return _conversation(record, self._section.messages, where, done)
        if self._section.instruction is not None:
            return _instruction(record, self._section, where, done)
        prompt = _string(record, wanted[0], where) if len(wanted) == 2 else ""
        return Document(prompt, _string(record, wanted[-1], where), where, done)

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
            self._known[present] = (*reading.values(), *_companions(present, reading))
        return self._known[present]

    def note_unread(self, samples: Iterable[Mapping[str, Any]], columns: tuple[str, ...], where: str) -> None:
        """Note what the columns of a table hold that are not read, by some of its rows."""
        wanted = self.fields(columns, where)
        for sample in samples:
            self._unread.note(sample, wanted)

    def text_file(self, where: str) -> None:
        """Take a file without records for one text. Raises Failure INVALID where the source has another kind."""
        section = self._section
        named = [key for key in ("prompt", "completion") if key in section.model_fields_set]
        if section.holds_conversations or named:
            kind = "conversations" if section.holds_conversations else f"the {named[0]}"
            verb = "are" if section.holds_conversations else "is"
            raise Failure(
                f"{where}: a .txt file has no records, and {kind} {verb} read from their fields; write .jsonl or "
                ".parquet files",
                ExitCode.INVALID,
            )
        self._same_kind({}, where)

    def _compared(self, present: tuple[str, ...], where: str, sample: Mapping[str, Any]) -> Reading:
        """The reading of a record, which must be that of the first one."""
        try:
            reading = self._choice.of(present, [name for name in present if isinstance(sample.get(name), str)])
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
        # Whether somebody must answer, chat/train_on decides.
        return Dialogue(read_conversation(record, field, answered=False), where, done)
    except ValueError as error:
        raise Failure(f"{where}: {error}", ExitCode.INVALID) from error


def _instruction(record: Mapping[str, Any], section: Source, where: str, done: int) -> Dialogue:
    """A conversation of one turn; what its instruction is about stays apart, for a template may put it elsewhere."""
    asked = _string(record, str(section.instruction), where)
    field = section.input
    about = None if field is None or record[field] is None else _string(record, field, where)
    answer = _string(record, str(section.output), where)
    user = {"role": "user", "content": asked} | ({"input": about} if about else {})
    named = (section.instruction, field, section.output)
    beside = {each: record[each] for each in COMPANIONS if each in record and each not in named}
    messages = [user, {"role": "assistant", "content": answer}]
    return _conversation({"messages": messages, **beside}, "messages", where, done)


def _companions(present: Collection[str], reading: Reading) -> list[str]:
    """The fields beside a conversation that are read with it."""
    if not {"messages", "instruction"} & {*reading}:
        return []
    return [field for field in COMPANIONS if field in present and field not in reading.values()]


def _string(record: Mapping[str, Any], field: str, where: str) -> str:
    value = record[field]
    if isinstance(value, str):
        return value
    shown = "null" if value is None else type(value).__name__
    raise Failure(f"{where}: field '{field}' must be text, not {shown}", ExitCode.INVALID)
