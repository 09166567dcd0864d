"""What a finding is: a place, a severity, a sentence and a remedy. Printing is the work of the formats."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schema.text.secrets import Secret


class Severity(StrEnum):
    """How bad a finding is: an error stops `plan` and `exec`, a warning and an info do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Origin(NamedTuple):
    """A text that values come from: a file or one `--set` argument; its credentials are hidden in `lines`."""

    name: str
    lines: tuple[str, ...]
    secrets: tuple[Secret, ...] = ()


class Span(NamedTuple):
    """A range in an origin; lines and columns count from 1, the end column is exclusive."""

    origin: Origin
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def start(self) -> tuple[str, int, int]:
        """The sort key of the place: origin, line, column."""
        return (self.origin.name, self.line, self.column)


class Related(NamedTuple):
    """A second place that explains a finding, such as the first of two equal keys."""

    span: Span
    message: str


class Edit(NamedTuple):
    """The text that replaces a span of the file; an empty span is an insertion."""

    span: Span
    text: str


class Fix(NamedTuple):
    """Edits that remove a finding, all or none. `safe`: the spec means what it meant, or the only thing it can mean."""

    edits: tuple[Edit, ...]
    safe: bool


def fix(*edits: Edit | None, safe: bool) -> Fix | None:
    """Make a fix of edits; None where one of them can't be made."""
    made = tuple(edit for edit in edits if edit is not None)
    return Fix(made, safe) if made and len(made) == len(edits) else None


class Diagnostic(NamedTuple):
    """One finding: `message` says what is wrong, `remedy` what to write instead, `fix` writes it."""

    code: str
    slug: str
    severity: Severity
    span: Span
    message: str
    remedy: str
    related: tuple[Related, ...] = ()
    fix: Fix | None = None


class SpecError(Exception):
    """A spec that cannot be run, with every finding; `str()` is the first error's sentence."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        errors = [found for found in diagnostics if found.severity is Severity.ERROR]
        super().__init__(errors[0].message if errors else "the spec is invalid")


class UnreadableSpec(FileNotFoundError):  # noqa: N818  a state of the spec, as users read it
    """A spec file that is missing, a folder, or not readable; `str()` is one sentence."""
