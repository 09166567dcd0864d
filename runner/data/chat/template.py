"""Chat templates as Hugging Face writes them: Jinja that turns messages into text, run in a bounded sandbox.

A template sees messages, tools, add_generation_prompt and the special tokens by name, and the same date on every day,
so that the same data render alike for ever. Ids and masks are made elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from types import CodeType, MappingProxyType, TracebackType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from runner.data.chat._bounds import MAX_CHARACTERS, MAX_INDENT, BoundedEnvironment

# The date that `strftime_now` gives: that of the templates which name one for want of a clock.
DATE = datetime(2024, 7, 26)
# Code points that Unicode keeps free of characters, for inner use: two stand around what `generation` encloses while a
# text is rendered, the others for characters that are hidden from the tokenizer.
RESERVED = re.compile("[\ufdd0-\ufdef]")
OPEN, CLOSE = "\ufdd0", "\ufdd1"
PLACEHOLDERS = "".join(map(chr, range(0xFDD2, 0xFDF0)))
Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text of a conversation; `generated` are the spans [start, end) of characters that the template marks."""

    text: str
    generated: Spans


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A compiled template; `name` begins every refusal, `tokens` are special tokens such as {"eos_token": "</s>"}.

    `has_marks` says whether it marks answers, `reads_input` whether it looks for what an instruction is about.
    """

    name: str
    source: str
    code: CodeType
    tokens: Mapping[str, str]
    has_marks: bool
    reads_input: bool

    @property
    def fingerprint(self) -> str:
        """Identify what the template makes of a conversation: its source, its tokens and the date, not its name."""
        facts = [self.source, sorted(self.tokens.items()), DATE.isoformat()]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def render(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None, *, prompt: bool = False
    ) -> Rendered:
        """Render messages; with `prompt`, up to where the next answer begins.

        Raises ValueError, one sentence, when the template refuses the messages, fails, or would not end.
        """
        environment = _environment()
        given = [{key: value for key, value in message.items() if value is not None} for message in messages]
        try:
            program = jinja2.Template.from_code(environment, self.code, dict(environment.globals))
            text = program.render(
                messages=given, tools=tools or None, documents=None, add_generation_prompt=prompt, **self.tokens
            )
        except _RefusalError as refusal:
            raise ValueError(
                f"{self.name} refuses it: {_sentence(refusal)}; change the conversation or the template"
            ) from refusal
        except Exception as error:  # a template is a program of a stranger: anything may come
            place = _line_of(error.__traceback__)
            raise ValueError(f"{self.name} fails{place}: {_sentence(error)}; mend it or write another one") from error
        return _without_marks(text, self.name)


def compile_template(source: str, name: str, tokens: Mapping[str, str] | None = None) -> ChatTemplate:
    """Compile the source of a template. Raises ValueError, one sentence with its line, when it is none."""
    if len(source) > MAX_CHARACTERS:
        raise ValueError(f"{name} is no chat template: it has more than {MAX_CHARACTERS:,} characters")
    if reserved := RESERVED.search(source):
        raise ValueError(f"{name} holds U+{ord(reserved[0]):04X}, which is no character; remove it")
    environment = _environment()
    try:
        code = environment.compile_bounded(source)
    except jinja2.TemplateSyntaxError as error:
        raise ValueError(f"{name} is no chat template: line {error.lineno}: {_sentence(error)}") from error
    except Exception as error:  # brackets a thousand deep, and whatever else a parser meets
        raise ValueError(f"{name} is no chat template: {_sentence(error)}") from error
    parts = [(kind, token) for _, kind, token in environment.lex(source) if kind != "whitespace"]
    words = {token.strip("'\"") for kind, token in parts if kind in ("name", "string")}
    tags = {token for (before, _), (_, token) in pairwise(parts) if before == "block_begin"}
    has_marks = "generation" in tags
    return ChatTemplate(name, source, code, MappingProxyType(dict(tokens or {})), has_marks, "input" in words)


class _RefusalError(jinja2.TemplateError):
    """What a template says by `raise_exception`."""


class _Generation(Extension):
    """The tag `{% generation %} … {% endgeneration %}` around what the model writes."""

    tags = {"generation"}  # noqa: RUF012  (declared so by Jinja)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        marked = [_constant(OPEN, line), *body, _constant(CLOSE, line)]
        return nodes.Scope(marked, lineno=line)  # as with transformers, names set inside end here


def _constant(text: str, line: int) -> nodes.Output:
    return nodes.Output([nodes.TemplateData(text, lineno=line)], lineno=line)


def _environment() -> BoundedEnvironment:
    environment = BoundedEnvironment([_Generation, "jinja2.ext.loopcontrols"])
    environment.add_filter("tojson", _to_json)
    environment.globals.update(raise_exception=_raise_exception, strftime_now=DATE.strftime)
    return environment


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON as Hugging Face's templates expect it: not escaped for HTML, as Jinja's own filter does."""
    if isinstance(indent, int) and indent > MAX_INDENT:
        raise ValueError(f"tojson indents by more than {MAX_INDENT}")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> None:
    raise _RefusalError(str(message))


def _sentence(error: BaseException) -> str:
    """The first line of an error, without the full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _line_of(traceback: TracebackType | None) -> str:
    """The line of the template that an error passed last."""
    line = ""
    while traceback:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = f" in line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line


def _without_marks(marked: str, name: str) -> Rendered:
    """Take the marks out of a text and return where they stood. Raises ValueError where they don't pair."""
    spans: list[tuple[int, int]] = []
    kept: list[str] = []
    length = 0
    # Pieces alternate: outside, inside, outside (which begins with the closing mark), …
    pieces = marked.replace(CLOSE, OPEN + CLOSE).split(OPEN)
    for number, piece in enumerate(pieces):
        if piece.startswith(CLOSE) != (number % 2 == 0 and number > 0) or len(pieces) % 2 == 0:
            raise ValueError(
                f"{name} has {{% generation %}} inside another, or cuts what it encloses; let every one begin and end "
                "outside others"
            )
        text = piece.removeprefix(CLOSE)
        if number % 2:
            spans.append((length, length + len(text)))
        kept.append(text)
        length += len(text)
    return Rendered("".join(kept), tuple(spans))
