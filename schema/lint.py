"""read → check → rules → sorted findings; the only orchestration of the linter.

`lint_file` and `lint_text` never need pydantic; `load_spec` builds the typed Spec with it, after the
same verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schema.diagnostic import Diagnostic, Severity, SpecError, UnreadableSpec
from schema.document import Document, Unavailable, read_document
from schema.environment import Environment
from schema.rules import RULES, Rule
from schema.source import MOST_BYTES
from schema.wording import quote

if TYPE_CHECKING:
    from schema.spec import Spec

CRASHED = ("LR900", "rule-crashed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a lint found, sorted by place. `document` is None when the text is no mapping.

    `skipped` names the rules that could not look at everything, since what they need failed before.
    """

    diagnostics: tuple[Diagnostic, ...]
    document: Document | None
    skipped: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a finding is an error."""
        return any(found.severity is Severity.ERROR for found in self.diagnostics)


def lint_file(path: Path | str, overrides: Sequence[str] = (), environment: Environment | None = None) -> Verdict:
    """Lint one spec file with `key=value` overrides; raise UnreadableSpec when there is nothing to read."""
    return _lint(read_bytes(path), str(path), overrides, environment)


def lint_text(
    text: str, name: str = "<text>", overrides: Sequence[str] = (), environment: Environment | None = None
) -> Verdict:
    """Lint the text of a spec; findings call it `name`."""
    return _lint(text.encode("utf-8", "surrogatepass"), name, overrides, environment)


def load_spec(path: Path | str, overrides: Sequence[str] = (), environment: Environment | None = None) -> Spec:
    """Lint a spec file and build the typed Spec, whose `model_fields_set` are the keys the user wrote.

    Raises SpecError with every finding when one is an error, UnreadableSpec when there is nothing to read.
    """
    verdict = lint_file(path, overrides, environment)
    if verdict.failed or verdict.document is None:
        raise SpecError(verdict.diagnostics)
    from schema.spec import Spec

    return Spec.model_validate(verdict.document.given_values())


def read_bytes(path: Path | str) -> bytes:
    """Read a spec file, up to just beyond the size that is refused; raise UnreadableSpec."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise UnreadableSpec(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise UnreadableSpec(f"{path} is a folder; name the YAML file in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableSpec(f"can't read {quote(str(path))}: {reason}") from error


def _lint(data: bytes, name: str, overrides: Sequence[str], environment: Environment | None) -> Verdict:
    document = read_document(data, name, overrides, environment)
    skipped: list[str] = []
    found = [finding for rule in RULES for finding in _findings(rule, document, skipped)]
    found.sort(key=lambda finding: (finding.span.start, finding.code))
    return Verdict(tuple(found), document if document.readable else None, tuple(skipped))


def _findings(rule: Rule, document: Document, skipped: list[str]) -> Iterator[Diagnostic]:
    """Run one rule; a defect in it becomes a finding of its own, and the others go on."""
    try:
        yield from rule.check(document)
    except Unavailable:
        skipped.append(rule.SLUG)
    except Exception as error:
        message = f"the rule {rule.CODE} {rule.SLUG} failed: {type(error).__name__}: {error}"
        remedy = "report this: it is a defect of lorarun, not of the spec"
        yield Diagnostic(*CRASHED, Severity.ERROR, document.start, message, remedy)
