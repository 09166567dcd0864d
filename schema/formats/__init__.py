"""How findings are written: one format a file, named as `--format` names it, and the two that Python callers use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from schema.formats._object import VERSION, json_text
from schema.formats._report import Report
from schema.text.diagnostic import Diagnostic

__all__ = ["FORMATS", "VERSION", "Format", "Report", "json_text", "load_format", "render_json", "render_text"]

FORMATS = ("text", "json", "sarif", "github", "concise")


class Format(Protocol):
    """What a module of schema/formats offers."""

    def render(self, report: Report) -> str:
        """Write a report; a text that is not empty ends with a newline."""


def load_format(kind: str) -> Format:
    """Load the format that `--format` names, one of FORMATS."""
    return cast(Format, import_module(f"schema.formats.{kind}"))


def render_text(diagnostics: Sequence[Diagnostic], *, files: int = 1, colour: bool = False) -> str:
    """Write findings for people, ending with a summary of `files` files."""
    return load_format("text").render(Report(diagnostics, files, colour))


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Write findings for programs: an object with its version, whose keys are stable."""
    return load_format("json").render(Report(diagnostics))
