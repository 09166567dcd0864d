"""Which fields of records are read, and as what: by the keys of data/sources/NAME, the fields, and the styles.

A reading is a mapping from keys of data/sources to names of fields: {prompt: question, completion: answer}. Its keys
are the kind of a record. Empty is the reading of .txt files, which have no fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from schema.budget.sides import CONTRASTIVE
from schema.document.field_names import guess, guess_by_place, guess_missing, guess_prompt, guess_sides
from schema.environment import Fields
from schema.rules.pairs_not_contrastive import not_contrastive, not_pairs
from schema.rules.record_kinds import SIDES
from schema.sections.data import Source
from schema.text.wording import join

Reading = Mapping[str, str]

# Fields beside a conversation that belong to it: what is read of them, `read_conversation` says.
COMPANIONS = ("system", "tools", "functions", "history")
YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # which are no text unquoted
PLAIN_STYLE = "PMD"  # reads one text where there are a text and a pair; other styles have a use for prompts


@dataclass(frozen=True, slots=True)
class Choice:
    """What is read of the records of data/sources/NAME by datasets of these styles; PADDED where there are none."""

    name: str
    section: Source
    styles: tuple[str, ...]

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields that are named, or read by default."""
        section = self.section
        names = (section.text, section.prompt, section.completion)
        chat = (section.messages, section.instruction, section.input, section.output)
        sides = (section.chosen, section.rejected) if CONTRASTIVE in self.styles else ()
        return (*names, *(name for name in chat if name is not None), *sides)

    def of(self, fields: Collection[str], texts: Collection[str] = ()) -> Reading:
        """Return what is read of a record with these fields.

        Fields that the spec names come first. Otherwise, and where it names a text and a pair, the style decides: PMD
        reads the text, PADDED prompt and completion, each the other where that alone is there. Raises ValueError: what
        the record lacks, and what to write, by the fields of which it is known that they hold `texts`.
        """
        readings = [self._in_style(fields, texts, style) for style in self.styles or ("PADDED",)]
        other = next((each for each in readings if each != readings[0]), None)
        if other is not None:
            raise ValueError(
                f"{self.styles[0]} reads {names_of(readings[0])}, {self.styles[1]} reads {names_of(other)}, and this "
                "run has the dataset in both styles; name the fields of one of them under "
                f"data/sources/{self.name}, or give one of the datasets another suffix"
            )
        return readings[0]

    def is_styled(self, fields: Collection[str]) -> bool:
        """Whether a record with these fields is read otherwise than PADDED reads it where the spec names no field.

        Two specs of the same names may differ in that alone: `text: text` is also what stands there unwritten.
        """
        unwritten = Source.model_construct(_fields_set=set(), **dict(self.section))
        for section in (unwritten, self.section):  # the second where a field must be named
            try:
                return Choice(self.name, section, ("PADDED",)).of(fields) != self.of(fields)
            except ValueError:
                continue
        return True

    def _in_style(self, fields: Collection[str], texts: Collection[str], style: str) -> Reading:
        """The reading of a record for one style. Raises ValueError where the spec names fields of another kind."""
        for keys in (("messages",), ("instruction", "input", "output")):
            named = {key: getattr(self.section, key) for key in keys if getattr(self.section, key) is not None}
            if keys[0] in named:
                if style == CONTRASTIVE:
                    raise ValueError("; ".join(not_pairs(self.name, keys[0])))
                return self._needed(named, fields, texts)
        if style == CONTRASTIVE:
            return self._pair(fields, texts)
        if sides := [key for key in SIDES if key in self.section.model_fields_set]:
            raise ValueError("; ".join(not_contrastive(self.name, style, sides)))
        return self._plain(fields, texts, style)

    def _pair(self, fields: Collection[str], texts: Collection[str]) -> Reading:
        """The reading of two answers; the prompt may stand in both, where no field is called so."""
        section = self.section
        if other := section.model_fields_set & {"text", "completion"}:
            raise ValueError("; ".join(not_pairs(self.name, sorted(other)[0])))
        asked = "prompt" in section.model_fields_set or section.prompt in fields
        prompt = {"prompt": section.prompt} if asked else {}
        return self._needed(prompt | {"chosen": section.chosen, "rejected": section.rejected}, fields, texts)

    def _plain(self, fields: Collection[str], texts: Collection[str], style: str) -> Reading:
        """The reading of text, or of prompt and completion, in one style."""
        section = self.section
        text, completion = {"text": section.text}, {"completion": section.completion}
        pair = {"prompt": section.prompt} | completion
        written = section.model_fields_set & {"text", "prompt", "completion"}
        if written == {"text"}:
            return self._needed(text, fields, texts)
        if "text" not in written and "prompt" in written:
            return self._needed(pair, fields, texts)
        if written == {"completion"}:  # without a prompt, which was asked for
            return self._needed(pair if section.prompt in fields else completion, fields, texts)
        first, second = (text, pair) if style == PLAIN_STYLE else (pair, text)
        if "text" in written:  # and fields of a pair
            return self._needed(first, fields, texts)
        found = next((reading for reading in (first, second) if {*reading.values()} <= {*fields}), None)
        # PADDED takes no text for an example that has a prompt: its completion may have that name.
        if found is None or (style != PLAIN_STYLE and found is text and section.prompt in fields):
            raise ValueError(self._unfit(fields, texts))
        return found

    def _needed(self, reading: Reading, fields: Collection[str], texts: Collection[str]) -> Reading:
        """A reading whose fields the spec names. Raises ValueError where one is missing."""
        if any(field not in fields for field in reading.values()):
            raise ValueError(
                f"a record needs field{'s' if len(reading) > 1 else ''} {names_of(reading)}; it has {_shown(fields)}; "
                f"{self._instead(reading, fields, texts)}"
            )
        return reading

    def _instead(self, reading: Reading, fields: Collection[str], texts: Collection[str]) -> str:
        """What to write for a reading that the spec names and a record has not; what it has of it is not given up."""
        there = {key for key, field in reading.items() if field in fields}
        if found := guess_missing(reading, fields, texts):
            return self._written(found)
        if reading.keys() - there == {"input"}:
            return f"give each record one, or leave input out under data/sources/{self.name}"
        guessed = guess_sides(fields) if "chosen" in reading else _guessed(fields, texts)
        if "chosen" in reading and not guessed:
            return f"name the fields of both answers under data/sources/{self.name}, or write another style"
        if reading.keys() <= guessed.keys():
            return self._written(guessed)
        return self._written({} if there else guessed, in_place_of=join([*reading], "and"))

    def _unfit(self, fields: Collection[str], texts: Collection[str]) -> str:
        """Say what a record lacks that holds neither a text nor a whole pair."""
        section, under, has = self.section, f"under data/sources/{self.name}", f"it has {_shown(fields)}"
        text, completion = map(_spelled, (section.text, section.completion))
        if section.completion in fields:
            near = guess_prompt(fields, section.completion)
            asked = f"prompt: {_spelled(near or 'FIELD')}, or " if len(fields) > 1 else ""
            return (
                f"there is no field '{section.prompt}' to go before '{section.completion}'; {has}; write {asked}"
                f"completion: {completion} alone to learn it without a prompt, {under}"
            )
        if section.text in fields:
            return (
                f"there is no field '{section.completion}' to follow '{section.prompt}'; {has}; write completion: "
                f"{text}, or text: {text} alone to learn that without the prompt, {under}"
            )
        needed = f"a record needs field '{section.text}', or '{section.prompt}' and '{section.completion}' together"
        instead = self._written(_guessed(fields, texts))
        if chosen := guess_sides(fields).get("chosen"):
            key = "completion" if chosen in texts else "messages"
            instead = f"write {key}: {_spelled(chosen)} {under} to learn the better of two answers"
        return f"{needed}; {has}; {instead}"

    def _written(self, guessed: Reading, in_place_of: str = "") -> str:
        """What to write for a guess, and which keys it replaces."""
        named = ", ".join(f"{key}: {_spelled(field)}" for key, field in guessed.items())
        instead = f" in place of {in_place_of}" if named and in_place_of else ""
        return f"{f'write {named}' if named else 'name its fields'}{instead} under data/sources/{self.name}"


def _guessed(fields: Collection[str], texts: Collection[str]) -> Reading:
    """The reading that the names of fields suggest, else that of the few that hold text."""
    return guess(fields) or guess(texts) or guess_by_place(texts)


def names_of(reading: Reading) -> str:
    """Say the fields of a reading in a sentence: 'question' and 'answer'."""
    return join([f"'{field}'" for field in reading.values()], "and") if reading else "one text"


def fields_sentence(fields: Fields) -> str:
    """Say which fields of records are read, as what where they are not called so, and which are not."""
    read = [f"'{field}'" if field == key else f"'{field}' as {key}" for key, field in fields.read.items()]
    unread = f"; not read: {_shown(fields.unread)}" if fields.unread else ""
    return f"fields read: {join(read, 'and')}{unread}"


def _spelled(field: str) -> str:
    """A name as YAML keeps it."""
    plainly = re.fullmatch(r"[^\W\d](?:[\w -]*\w)?", field) and field.casefold() not in YAML_WORDS
    return field if plainly else json.dumps(field, ensure_ascii=False)


def _shown(fields: Collection[str]) -> str:
    return ", ".join(f"'{field}'" for field in fields) or "none"
