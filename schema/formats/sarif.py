"""Findings in SARIF 2.1.0, which code-scanning services and editors read.

Only the rules that found something are described, each with its whole documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from schema.docs.rules import address, documentation
from schema.formats._place import in_file, region
from schema.formats._report import Report
from schema.rules import RULES, Rule
from schema.text.diagnostic import Diagnostic, Edit, Origin, Severity, Span
from schema.text.fingerprint import fingerprints

SCHEMA = "https://json.schemastore.org/sarif-2.1.0-rtm.5.json"
# What a service knows a finding by; the name says by which version of `fingerprints` it is made.
FINGERPRINT = "finding/v1"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

Json = dict[str, Any]


def render(report: Report) -> str:
    """Write one run. ASCII only, so that any stream can carry it."""
    found = report.diagnostics
    fired = {each.code for each in found}
    rules = [rule for rule in RULES if rule.CODE in fired]
    places = {rule.CODE: index for index, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "lorarun", **_version(), "rules": [_rule(rule) for rule in rules]}},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": [
            {**_result(each, places), "partialFingerprints": {FINGERPRINT: mark}}
            for each, mark in zip(found, fingerprints(found), strict=True)
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(report: Report) -> Json:
    """Whether every spec could be read; those that could not are notifications, for they have no findings."""
    told = [{"level": "error", "message": {"text": str(error["message"])}} for error in report.errors]
    return {"executionSuccessful": not told, **({"toolExecutionNotifications": told} if told else {})}


def _version() -> Json:
    """The version that is installed; a checkout that is not installed has none."""
    try:
        return {"version": version("lorarun")}
    except PackageNotFoundError:
        return {}


def _rule(rule: Rule) -> Json:
    text = documentation(rule)
    first, _, rest = text.partition("\n\n")
    summary = first.replace("\n", " ")
    why = re.sub(r"\*\*Why [^*]*\*\* ", "", rest.partition("\n\n")[0]).replace("\n", " ")
    return {
        "id": rule.CODE,
        "name": rule.SLUG,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": f"{summary} {why}"},
        "helpUri": address(rule.SLUG),
        "help": {"text": text, "markdown": f"# {rule.CODE} {rule.SLUG}\n\n{text}\n"},
        "defaultConfiguration": {"level": LEVELS[rule.SEVERITY]},
    }


def _result(found: Diagnostic, places: dict[str, int]) -> Json:
    result: Json = {
        "ruleId": found.code,
        **({"ruleIndex": places[found.code]} if found.code in places else {}),
        "level": LEVELS[found.severity],
        "message": {"text": f"{found.message}; {found.remedy}"},
        "locations": [_location(found.span)],
    }
    if found.related:
        result["relatedLocations"] = [
            {"id": number, **_location(other.span), "message": {"text": other.message}}
            for number, other in enumerate(found.related, start=1)
        ]
    if found.fix:
        description = {"text": found.remedy}
        changes = [_change(found.fix.edits)]
        result["fixes"] = [
            {"description": description, "artifactChanges": changes, "properties": {"safe": found.fix.safe}}
        ]
    return result


def _location(span: Span) -> Json:
    """A place in a file; an option of the command line is in none, and is named instead."""
    if not in_file(span.origin):
        return {"logicalLocations": [{"fullyQualifiedName": span.origin.name, "kind": "parameter"}]}
    return {"physicalLocation": {"artifactLocation": _artifact(span.origin), "region": _region(span)}}


def _change(edits: Sequence[Edit]) -> Json:
    return {
        "artifactLocation": _artifact(edits[0].span.origin),
        "replacements": [
            {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in edits
        ],
    }


def _artifact(origin: Origin) -> Json:
    """A relative path stays relative, as services want it that know the folder of the checkout."""
    name = origin.name
    return {"uri": Path(name).as_uri() if Path(name).is_absolute() else quote(Path(name).as_posix(), errors="replace")}


def _region(span: Span) -> Json:
    names = {"line": "startLine", "column": "startColumn", "end_line": "endLine", "end_column": "endColumn"}
    return {names[name]: number for name, number in region(span).items()}
