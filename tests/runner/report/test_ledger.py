"""The ledger beside its plan: what a run prints of it, and what is said where they differ."""

from __future__ import annotations

from dataclasses import asdict, replace

from runner.data.ledger import Ledger, RunLedger
from runner.report.ledger import LedgerLine, differences, ledger_sentences, render_ledger, with_counts

LINES = [
    LedgerLine("full", 1, "web", Ledger(20, 640, 640), 0.5),
    LedgerLine("lora", 1, "tales", Ledger(8, 141, 71, 115), 1.25),
]
COUNTED = RunLedger({"full/1": {"web": Ledger(20, 640, 640)}, "lora/1": {"tales": Ledger(8, 141, 71, 115)}})


def test_what_was_counted_stands_beside_the_plan() -> None:
    lines = with_counts(LINES, COUNTED)
    assert list(differences(lines, COUNTED)) == []
    assert render_ledger([asdict(line) for line in lines]) == (
        "phase  stage  dataset  rows planned  counted  tokens planned  counted  supervised planned  counted"
        "  padding planned  counted  epochs\n"
        "full   1      web                20       20             640      640                 640      640"
        "                0        0    0.50\n"
        "lora   1      tales               8        8             141      141                  71       71"
        "              115      115    1.25\n"
    )
    unknown = replace(LINES[0], planned=None, epochs=None)
    assert render_ledger([asdict(unknown)]) == (
        "phase  stage  dataset  rows  tokens  supervised  padding  epochs\n"
        "full   1      web         -       -           -        -       -\n"
    )


def test_each_difference_is_said() -> None:
    other = RunLedger({"full/1": {"web": Ledger(20, 639, 640, 1), "new": Ledger(1, 32, 32)}})
    assert list(differences(with_counts(LINES, other), other)) == [
        "phase full, stage 1, web: 640 tokens planned and 639 counted, 0 padding planned and 1 counted",
        "phase lora, stage 1, tales: 8 rows planned and 0 counted, 141 tokens planned and 0 counted, "
        "71 supervised planned and 0 counted, 115 padding planned and 0 counted",
        "phase full, stage 1, new: 0 rows planned and 1 counted, 0 tokens planned and 32 counted, "
        "0 supervised planned and 32 counted",
    ]


def test_what_no_row_holds_is_said_by_reason() -> None:
    lost = {
        "cut": 2,
        "left_out": {"empty": 1, "too long for a row": 3},
        "tokens_in_no_row": 40,
        "left_out_of_validation": 2,
    }
    summary = {"datasets": {"tales": lost, "web": {"cut": 0, "left_out": {}, "tokens_in_no_row": 0}}}
    sentence = (
        "tales: 2 rows of a pass are cut, 1 left out (empty), 3 left out (too long for a row), "
        "40 tokens are in no row, 2 documents left out of validation, which the run trains on"
    )
    assert list(ledger_sentences(summary)) == [sentence]
    earlier = RunLedger({"earlier": COUNTED.counts})
    told = summary | {"ledger": [asdict(line) for line in with_counts(LINES, earlier)], "ledger_differences": ["x"]}
    assert list(ledger_sentences(told)) == [
        sentence,
        "its first steps were counted by an older version, by dataset alone; these are the planned numbers",
        "counted is not planned: x",
    ]
