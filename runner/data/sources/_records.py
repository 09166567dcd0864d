"""Records of .jsonl and .parquet files: a prompt and a completion, one text, a completion alone, or a conversation.

Which of them, the fields say that data/sources/NAME names, or else the first record of a file. All records of a file
are of one kind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from runner.data.sources._source import Dialogue, Document
from runner.failure import ExitCode, Failure
from schema.sections.data import CONVERSATION_FIELDS, Source
from schema.text.wording import join

# Fields beside a conversation that belong to it: what is read of them, `read_conversation` says.
COMPANIONS = ("system", "tools", "functions", "history")


class Records:
    """Reads the records of one file: those fields that the first record is read by, and then of all."""

    def __init__(self, section: Source) -> None:
        self._section = section
        self._wanted: tuple[str, ...] | None = None

    def read(self, record: Mapping[str, Any], where: str, done: int) -> Document | Dialogue:
        """Read one record. Raises Failure (INVALID) when it is another kind than those before, or malformed."""
        wanted = self.fields(record, where)
        if self._section.messages is not None:
            return _conversation(record, self._section.messages, where, done)
        if self._section.instruction is not None:
            return _instruction(record, self._section, where, done)
        prompt = _string(record, wanted[0], where) if len(wanted) == 2 else ""
        return Document(prompt, _string(record, wanted[-1], where), where, done)

    def fields(self, record: Collection[str], where: str) -> tuple[str, ...]:
        """Return the fields that are read of a record, or columns of a table. Raises Failure INVALID.

        They are (prompt, completion), one field, or those of a conversation.
        """
        if self._section.messages is not None:
            return _needed((self._section.messages,), record, where) + _companions(record, self._section.messages)
        if self._section.instruction is not None:
            section = self._section
            needed = tuple(filter(None, (section.instruction, section.input, section.output)))
            return _needed(needed, record, where) + _companions(record, *needed)
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
            choice = f"field '{section.text}', or '{section.prompt}' and '{section.completion}' together"
            raise _missing(where, choice, record)
        return wanted


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
    beside = {each: record[each] for each in _companions(record, section.instruction, field, section.output)}
    messages = [user, {"role": "assistant", "content": answer}]
    return _conversation({"messages": messages, **beside}, "messages", where, done)


def _companions(record: Collection[str], *named: str | None) -> tuple[str, ...]:
    return tuple(field for field in COMPANIONS if field in record and field not in named)


def _needed(fields: tuple[str, ...], record: Collection[str], where: str) -> tuple[str, ...]:
    if any(field not in record for field in fields):
        named = join([f"'{field}'" for field in fields], "and")
        raise _missing(where, f"field {named}" if len(fields) == 1 else f"fields {named}", record)
    return fields


def _string(record: Mapping[str, Any], field: str, where: str) -> str:
    value = record[field]
    if isinstance(value, str):
        return value
    shown = "null" if value is None else type(value).__name__
    raise Failure(f"{where}: field '{field}' must be text, not {shown}", ExitCode.INVALID)


def _missing(where: str, needed: str, present: Collection[str]) -> Failure:
    has = ", ".join(f"'{field}'" for field in present) or "none"
    talk = next((field for field in CONVERSATION_FIELDS if field in present), None)
    remedy = f"write messages: {talk}" if talk else "name its fields"
    return Failure(f"{where}: a record needs {needed}; it has {has}; {remedy} under data/sources", ExitCode.INVALID)
