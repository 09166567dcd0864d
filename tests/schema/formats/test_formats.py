"""Every format says the same findings: SARIF by the official schema, annotations that survive any text, one line each.

`sarif-2.1.0-rtm.5.json` is the official schema as SchemaStore publishes it, unchanged; it came with
@microsoft/jest-sarif 1.0.0-beta.0, which is under the MIT licence.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from runner.commands.validate.command import FORMATS as OFFERED
from runner.commands.validate.command import SEVERITIES
from schema.docs.rules import address, documentation
from schema.formats import FORMATS, VERSION, Report, load_format
from schema.lint import lint_file, lint_text
from schema.rules import RULES
from schema.text.diagnostic import Diagnostic, Edit, Fix, Origin, Related, Severity, Span
from schema.text.fingerprint import fingerprints
from tests.schema.goldens import SPECS, cases, verdict

SARIF = Draft4Validator(json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")))
NAMES = ["s.yaml", "a b/ü %,:.yaml", "/abs/s.yaml", "<stdin>", "new\nline\x1b[0m.yaml", "\udcff.yaml"]


def span(name: str = "s.yaml", line: int = 1, column: int = 6, end: tuple[int, int] = (1, 11)) -> Span:
    return Span(Origin(name, ("key: value", "last")), line, column, *end)


def finding(place: Span | None = None, fix: Fix | None = None, severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic("LR011", "out-of-range", severity, place or span(), "50 % is wrong", "write 1", fix=fix)


def rendered(kind: str, *found: Diagnostic, colour: bool = False) -> str:
    return load_format(kind).render(Report(found, colour=colour))


def sarif(*found: Diagnostic) -> dict[str, Any]:
    """The only run of a valid log."""
    log = json.loads(rendered("sarif", *found))
    assert [error.message for error in SARIF.iter_errors(log)] == []
    (run,) = log["runs"]
    return dict(run)


def test_the_command_line_offers_every_format_and_severity() -> None:
    assert OFFERED == FORMATS
    assert tuple(Severity) == SEVERITIES


@cache
def every_golden_finding() -> tuple[Diagnostic, ...]:
    return tuple(found for path in cases() for found in verdict(path).diagnostics)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_golden_finding_is_in_every_format(kind: str) -> None:
    found = every_golden_finding()
    text = rendered(kind, *found)
    assert {letter for letter in text if not letter.isprintable()} <= {"\n", "\t"}
    codes = [each.code for each in found]
    if kind == "sarif":
        assert [result["ruleId"] for result in sarif(*found)["results"]] == codes
    elif kind == "json":
        assert [row["code"] for row in json.loads(text)["findings"]] == codes
    elif kind == "text":
        assert re.findall(r"^\S.*: (?:error|warning|info)\[(\w+) ", text, re.MULTILINE) == codes
    else:
        assert len(text.splitlines()) == len(found)


def test_no_findings_are_an_empty_list_in_json_and_nothing_in_lines() -> None:
    assert [rendered(kind) for kind in ("concise", "github")] == ["", ""]
    assert json.loads(rendered("json")) == {"version": VERSION, "files": 1, "findings": [], "errors": []}
    assert sarif()["results"] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", FORMATS)
def test_a_strange_file_name_breaks_no_format(kind: str, name: str) -> None:
    text = rendered(kind, finding(span(name)))
    assert "\x1b" not in text
    if kind == "sarif":
        sarif(finding(span(name)))
    if kind in ("github", "concise"):
        assert len(text.splitlines()) == 1


def test_json_has_the_edits_of_a_fix() -> None:
    fix = Fix((Edit(span(), "1"), Edit(span(end=(1, 6)), "2")), safe=False)
    (row,) = json.loads(rendered("json", finding(fix=fix)))["findings"]
    place = {"file": "s.yaml", "line": 1, "column": 6, "end_line": 1}
    edits = [{**place, "end_column": 11, "text": "1"}, {**place, "end_column": 6, "text": "2"}]
    assert row["fix"] == {"safe": False, "edits": edits}


@pytest.mark.parametrize("kind", ["json", "sarif"])
def test_programs_are_given_ascii(kind: str) -> None:
    assert rendered(kind, finding(span("ü\udcff.yaml"))).isascii()


def test_an_edit_to_the_end_of_the_text_ends_in_the_text() -> None:
    fix = Fix((Edit(span(line=2, column=1, end=(3, 1)), ""),), safe=True)
    (result,) = sarif(finding(fix=fix))["results"]
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5}


def test_sarif_describes_the_rules_that_fired_with_their_whole_documentation() -> None:
    found = lint_text("training: {batch_size: 0, batch_size: 1}\nmesh: {dta: 1}", "s.yaml").diagnostics
    run = sarif(*found)
    rules = run["tool"]["driver"]["rules"]
    documented = {rule.CODE: documentation(rule) for rule in RULES}
    assert [rule["id"] for rule in rules] == sorted({each.code for each in found})
    for rule in rules:
        text = documented[rule["id"]]
        assert rule["help"]["text"] == text
        assert rule["helpUri"] == address(rule["name"])
        assert rule["help"]["markdown"] == f"# {rule['id']} {rule['name']}\n\n{text}\n"
        assert rule["fullDescription"]["text"].startswith(rule["shortDescription"]["text"])
        assert "*Why" not in rule["fullDescription"]["text"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [each.code for each in found]


def test_sarif_has_related_places_and_fixes() -> None:
    fix = Fix((Edit(span(), "1"),), safe=True)
    found = Diagnostic(
        *("LR002", "duplicate-key", Severity.WARNING, span(), "twice", "keep one"),
        related=(Related(span(line=2, column=1, end=(2, 5)), "the other"),),
        fix=fix,
    )
    (result,) = sarif(found)["results"]
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["region"]["startLine"] == 2
    assert related["message"]["text"] == "the other"
    assert result["level"] == "warning"
    assert result["message"]["text"] == "twice; keep one"
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "s.yaml"}
    assert change["replacements"][0]["insertedContent"] == {"text": "1"}
    assert result["fixes"][0]["properties"] == {"safe": True}


def marks(text: str) -> list[str]:
    """The fingerprints in SARIF of the unknown keys of a spec."""
    results = sarif(*lint_text(text, "s.yaml").diagnostics)["results"]
    return [result["partialFingerprints"]["finding/v1"] for result in results if result["ruleId"] == "LR003"]


SPEC = "training:\n  batch_siz: 8\n  tokns: 3\noptimization:\n  lora: {rnk: 8}\n"


@pytest.mark.parametrize(
    "moved",
    [
        f"# a note\n\n{SPEC}",
        SPEC.replace("  ", "    "),
        SPEC.replace("8\n  tokns", "8 # why\n\n  seed: 1\n  tokns"),
        SPEC.replace("\n", "\r\n"),
    ],
    ids=["lines above", "indentation", "lines between", "line ends"],
)
def test_a_fingerprint_stays_when_lines_move(moved: str) -> None:
    assert marks(moved) == marks(SPEC)
    assert len(set(marks(SPEC))) == 3


@settings(max_examples=12, deadline=None)
@given(path=st.sampled_from(cases()), blank=st.booleans())
def test_the_fingerprints_of_every_golden_stay_below_a_comment(path: Path, blank: bool) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    spread = text.replace("\n", "\n\n") if blank and not set("|>") & set(text) else text
    before, after = (lint_text(each, "s.yaml").diagnostics for each in (text, f"# a note\n\n{spread}"))
    if sorted(each.code for each in before) == sorted(each.code for each in after):  # a comment may be what is wrong
        assert sorted(fingerprints(before)) == sorted(fingerprints(after))


def test_a_fingerprint_is_of_its_place_its_text_and_its_number() -> None:
    assert set(marks(SPEC.replace("tokns", "tokn"))) ^ set(marks(SPEC)) != set()
    assert set(marks(SPEC.replace("training", "x-note"))) < set(marks(SPEC))
    same = fingerprints([finding(), finding(span(line=2, end=(2, 11))), finding(span("t.yaml"))])
    assert same[1] != same[0] == same[2]
    assert fingerprints([finding(), finding()]) == [same[0], f"{same[0]}-2"]


def test_sarif_says_whether_every_spec_could_be_read() -> None:
    assert sarif()["invocations"] == [{"executionSuccessful": True}]
    log = json.loads(load_format("sarif").render(Report([], errors=[{"message": "there is no file a.yaml"}])))
    assert list(SARIF.iter_errors(log)) == []
    told = [{"level": "error", "message": {"text": "there is no file a.yaml"}}]
    assert log["runs"][0]["invocations"] == [{"executionSuccessful": False, "toolExecutionNotifications": told}]


def test_sarif_names_files_by_uri() -> None:
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in sarif(*(finding(span(name)) for name in ("a/ü %.yaml", "/abs/s.yaml")))["results"]
    ]
    assert unquote(uris[0]) == "a/ü %.yaml"
    assert uris == ["a/%C3%BC%20%25.yaml", "file:///abs/s.yaml"]


@pytest.mark.parametrize("kind", ["sarif", "github"])
def test_an_argument_of_the_command_line_is_no_file(kind: str) -> None:
    (found,) = lint_file(SPECS / "ok" / "base.yaml", ["mesh/dta=1"]).diagnostics
    if kind == "sarif":
        (location,) = sarif(found)["results"][0]["locations"]
        assert location == {"logicalLocations": [{"fullyQualifiedName": "--set mesh/dta=1", "kind": "parameter"}]}
    else:
        assert rendered(kind, found).startswith("::error title=LR014 override-without-target::--set mesh/dta=1:1:1: ")


def test_an_annotation_names_its_place_and_says_its_sentence() -> None:
    assert rendered("github", finding()) == (
        "::error title=LR011 out-of-range,file=s.yaml,line=1,endLine=1,col=6,endColumn=11"
        "::s.yaml:1:6: 50 %25 is wrong; write 1\n"
    )


def test_an_annotation_of_several_lines_has_no_columns() -> None:
    text = rendered("github", finding(span(end=(2, 3)), severity=Severity.INFO))
    assert text.startswith("::notice title=LR011 out-of-range,file=s.yaml,line=1,endLine=2::")


def test_an_annotation_escapes_what_would_end_it() -> None:
    text = rendered("github", finding(span("a,b:c%d\re\nf.yaml"), severity=Severity.WARNING))
    assert text.startswith("::warning ")
    assert "file=a%2Cb%3Ac%25d%0De%0Af.yaml,line=1" in text
    assert len(text.splitlines()) == 1


def test_a_concise_line_is_what_editors_parse() -> None:
    assert rendered("concise", finding()) == "s.yaml:1:6: error[LR011 out-of-range]: 50 % is wrong; write 1\n"
    assert "\x1b[31;1merror[LR011 out-of-range]\x1b[0m" in rendered("concise", finding(), colour=True)


def test_the_summary_of_text_says_what_can_be_fixed_and_how() -> None:
    def last(*found: Diagnostic) -> str:
        return rendered("text", *found).splitlines()[-1]

    safe, unsafe = (finding(fix=Fix((Edit(span(), "1"),), safe=safe)) for safe in (True, False))
    assert last(finding()) == "1 error in 1 file"
    assert last(safe, finding()) == "2 errors in 1 file; fixable: 1 by validate --fix"
    assert last(unsafe) == "1 error in 1 file; fixable: 1 by validate --unsafe-fixes"
    assert last(safe, safe, unsafe) == "3 errors in 1 file; fixable: 2 by validate --fix, 1 by validate --unsafe-fixes"


@pytest.mark.parametrize(("number", "more"), [(27, 12), (16, 1), (15, 0)])
def test_many_findings_of_one_rule_are_folded_for_people_and_kept_for_programs(number: int, more: int) -> None:
    keys = "".join(f"  what_{index}: {index}\n" for index in range(number))
    text = f"tokenizer: {{backend: byte}}\nmesh:\n{keys}training:\n  post_lora_tokens: [5, 6]\n"
    found = [each for each in lint_text(text, "s").diagnostics if each.code in ("LR003", "LR101")]
    shown = load_format("text").render(Report(found))
    folded = f"s: error[LR003 unknown-key]: and {more} more like it; --format concise lists all\n"
    assert (folded in shown) == (more > 0)
    assert shown.count("error[LR003") == number - more + (more > 0)
    assert "error[LR101" in shown
    assert shown.endswith(f"{number + 1} errors in 1 file\n")
    assert len(load_format("concise").render(Report(found)).splitlines()) == number + 1
    assert len(json.loads(load_format("sarif").render(Report(found)))["runs"][0]["results"]) == number + 1


def test_the_same_findings_in_two_files_are_not_folded_together() -> None:
    text = "mesh:\n" + "".join(f"  what_{index}: 1\n" for index in range(10))
    found = [each for name in ("a", "b") for each in lint_text(text, name).diagnostics if each.code == "LR003"]
    assert "more like it" not in load_format("text").render(Report(found, 2))


def test_a_remedy_of_several_lines_is_indented_for_people_and_one_line_for_others() -> None:
    found = [finding()._replace(remedy="write these:\n  a   → b\n  c → d")]
    assert "\n  = help: write these:\n      a   → b\n      c → d\n" in load_format("text").render(Report(found))
    for kind in ("concise", "github"):
        assert load_format(kind).render(Report(found)).endswith("wrong; write these: a → b, c → d\n")
