"""read → check → rules → sorted findings; the only orchestration of the linter.

`lint_file` and `lint_text` never need pydantic; `load_spec` builds the typed Spec with it, after the
same verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from schema.check.findings import Unavailable
from schema.document import NOTHING_RECORDED, Document, Recorded, read_document
from schema.document.hub_sources import with_hub_sources
from schema.rules import (
    JUDGE_TEXT,
    NEED_ENVIRONMENT,
    RULES,
    Rule,
    duplicate_spec,
    pretrained_not_here,
    rule_crashed,
    rule_skipped,
    suppression_hygiene,
    unknown_key,
)
from schema.settings import Settings
from schema.text.diagnostic import Diagnostic, Severity, SpecError, UnreadableSpec
from schema.text.secrets import HIDDEN
from schema.text.source import MOST_BYTES
from schema.text.suppression import Ignore, find_ignores, names_rule, unsilenced
from schema.text.wording import quote

if TYPE_CHECKING:
    from schema.environment import Environment
    from schema.spec import Spec

    # Facts that depend on the spec are looked up once it has been read, by whoever may read files.
    Facts = Environment | Callable[[Document], Environment]


class Verdict(NamedTuple):
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

    def without(self, slugs: Collection[str]) -> Verdict:
        """Return it without what the rules of these slugs found."""
        return self._replace(diagnostics=tuple(found for found in self.diagnostics if found.slug not in slugs))


def lint_file(
    path: Path | str,
    overrides: Sequence[str] = (),
    environment: Facts | None = None,
    settings: Settings | None = None,
    recorded: Recorded = NOTHING_RECORDED,
) -> Verdict:
    """Lint one spec file with `key=value` overrides; raise UnreadableSpec when there is nothing to read."""
    return lint_bytes(read_bytes(path), str(path), overrides, environment, settings, recorded)


def lint_text(
    text: str,
    name: str = "<text>",
    overrides: Sequence[str] = (),
    environment: Facts | None = None,
    settings: Settings | None = None,
    recorded: Recorded = NOTHING_RECORDED,
) -> Verdict:
    """Lint the text of a spec; findings call it `name`."""
    return lint_bytes(text.encode("utf-8", "surrogatepass"), name, overrides, environment, settings, recorded)


def load_spec(
    path: Path | str,
    overrides: Sequence[str] = (),
    environment: Facts | None = None,
    settings: Settings | None = None,
    recorded: Recorded = NOTHING_RECORDED,
) -> Spec:
    """Lint a spec file and build the typed Spec, whose `model_fields_set` are the keys the user wrote.

    Raises SpecError with every finding when one is an error, UnreadableSpec when there is nothing to read.
    """
    return accepted(lint_file(path, overrides, environment, settings, recorded))


def accepted(verdict: Verdict, passed: Collection[str] = ()) -> Spec:
    """Build the typed Spec of a verdict without errors; raise SpecError with every finding when there is one.

    Errors of the rules `passed`, by slug, are none for who asks.
    """
    verdict = verdict.without(passed)
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


def lint_bytes(
    data: bytes,
    name: str,
    overrides: Sequence[str] = (),
    environment: Facts | None = None,
    settings: Settings | None = None,
    recorded: Recorded = NOTHING_RECORDED,
) -> Verdict:
    """Lint a spec as it was read; findings call it `name`."""
    document = with_hub_sources(read_document(data, name, overrides, recorded), recorded)
    facts = environment(document) if callable(environment) else environment
    document = replace(document, environment=facts)
    skipped: list[str] = []
    pairs = [(rule, each) for rule in RULES for each in _findings(rule, document, skipped)]
    failed = any(each.severity is Severity.ERROR for _, each in pairs)
    found = [_writable(each, document, rule, failed) for rule, each in pairs]
    if facts is not None and facts.restore is not None:
        found = [pretrained_not_here.counted(each, skipped) for each in found]
    ignores = find_ignores(document.root) if document.readable else ()
    found, used = unsilenced(found, ignores)
    names = [name for rule in RULES for name in _names(rule)]
    idle = suppression_hygiene.unused(_idle(ignores, used, skipped, failed), names)
    found += [_writable(each, document, suppression_hygiene, failed) for each in idle]
    settings = settings or Settings()
    heard = [finding for finding in map(settings.heard, found) if finding is not None]
    if settings.show_skipped:
        failed = any(each.severity is Severity.ERROR for each in heard)
        heard += [rule_skipped.report(document, rule, failed) for rule in skipped]
        heard += [rule_skipped.without_environment(document, rule.SLUG) for rule in NEED_ENVIRONMENT if facts is None]
    heard.sort(key=lambda finding: (finding.span.start, finding.code))
    return Verdict(tuple(heard), document if document.readable else None, tuple(skipped))


def _idle(ignores: Sequence[Ignore], used: set[Ignore], skipped: Sequence[str], failed: bool) -> list[Ignore]:
    """The ignores that silenced nothing, without those of a rule that may find something another time.

    Where the spec `failed`, that is any rule whose findings can be silenced: a misspelt key is not what it was.
    """
    elsewhere = (*NEED_ENVIRONMENT, duplicate_spec)
    unsure = [
        rule
        for rule in RULES
        if rule.SLUG in skipped or rule in elsewhere or (failed and rule.SEVERITY is not Severity.ERROR)
    ]
    return [
        ignore
        for ignore in ignores
        if ignore not in used and not any(names_rule(ignore.slug, rule.CODE, rule.SLUG) for rule in unsure)
    ]


def _writable(found: Diagnostic, document: Document, rule: Rule, failed: bool) -> Diagnostic:
    """A fix that may write the signs of a hidden credential in its place is none.

    Neither is one that follows from other values while a key is unknown that may be theirs, by another name; while the
    spec `failed`, one of those values may be wrong, and no warning's fix that follows from them is safe.
    """
    if not found.fix:
        return found
    hidden = found.span.origin.secrets and any(HIDDEN * 3 in edit.text for edit in found.fix.edits)
    blind = rule not in JUDGE_TEXT and unknown_key.unexplained(document)
    if hidden or blind:
        return found._replace(fix=None)
    unsure = failed and found.severity is not Severity.ERROR and rule not in JUDGE_TEXT
    return found._replace(fix=found.fix._replace(safe=False)) if unsure else found


def _names(rule: Rule) -> tuple[str, str]:
    return rule.SLUG, rule.CODE


def _findings(rule: Rule, document: Document, skipped: list[str]) -> Iterator[Diagnostic]:
    """Run one rule; a defect in it becomes a finding of its own, and the other rules still run."""
    try:
        yield from rule.check(document)
    except Unavailable:
        skipped.append(rule.SLUG)
    except Exception as error:
        yield rule_crashed.report(document, f"{rule.CODE} {rule.SLUG}", error)
