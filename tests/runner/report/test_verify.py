"""`lorarun verify` reads everything again: it reports one changed digit in any sealed part, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runner.train.loop
from runner.data.catalog import open_catalog
from runner.data.stores.display import Silent
from runner.files.digested_json import read_json, write_facts
from runner.files.seal import check_seal, seal
from runner.plan.compile import compile_plan
from schema.lint import load_spec
from tests.runner.workplace import Outcome, finish_run, lorarun

RUN = ("exec", "spec.yaml", "--run-dir", "run", "--set", "export/merged=false", "--set", "export/adapter=false")
OFTEN = ("--set", "logging/checkpoint_interval=1")
PARTS = ["checkpoints/2", "checkpoints/4", "base", "run.json", "plan.json", "summary.json", "metrics.jsonl"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run in `run`, and nothing exported."""
    folder = tmp_path_factory.mktemp("finished")
    finish_run(folder, "export/merged=false", "export/adapter=false")
    return folder


def verify(here: Path) -> tuple[int, dict[str, str]]:
    """Exit code, and what is said of each part; nothing may be written."""
    done = lorarun(here, "verify", "run")
    assert done.changed == set()
    return done.exit_code, dict(line.split(": ", 1) for line in done.stdout.splitlines())


def of_state(here: Path, state: str) -> list[str]:
    """The parts that `verify` calls intact, damaged or not proven."""
    return [name for name, text in verify(here)[1].items() if text.startswith(f"{state}: ")]


def digits(path: Path) -> list[int]:
    """Places of some digits of a file: the first, the last and eight between."""
    found = [match.start() for match in re.finditer(rb"\d", path.read_bytes())]
    return [*found[:: max(1, len(found) // 8)], found[-1]]


def die_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Outcome]:
    """A way to run the command so that it dies when this step was recorded."""
    report = runner.train.loop._report

    def reported(run: Any, metrics: Any) -> float | None:
        loss = report(run, metrics)
        if run.step == step:
            raise RuntimeError("a fault of lorarun")
        return loss

    def run(here: Path, *more: str) -> Outcome:
        with monkeypatch.context() as patch:
            patch.setattr(runner.train.loop, "_report", reported)
            done = lorarun(here, *RUN, *more)
        assert done.exit_code == 1, done.stderr
        return done

    return run


def unfinish(here: Path) -> None:
    """Leave of the run what there was at the boundary."""
    shutil.rmtree(here / "run/checkpoints/4")
    (here / "run/summary.json").unlink()


def test_a_run_that_nobody_touched_is_intact(here: Path) -> None:
    code, parts = verify(here)
    assert (code, [*parts]) == (0, [*PARTS, "stores/tales"])
    assert all(text.startswith("intact: ") for text in parts.values()), parts


@pytest.mark.parametrize("name", ["run.json", "plan.json", "summary.json", "../stores/tales/meta.json"])
def test_one_changed_digit_is_found_out(name: str, here: Path) -> None:
    path = here / "run" / name
    part = "stores/tales" if "stores" in name else name
    content = path.read_bytes()
    for place in digits(path):
        other = b"7" if content[place : place + 1] != b"7" else b"8"
        path.write_bytes(content[:place] + other + content[place + 1 :])
        code, parts = verify(here)
        assert (code, parts[part][:9]) == (74, "damaged: "), content[place - 20 : place + 5]
    path.write_bytes(content)
    assert verify(here)[0] == 0


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("kind", ["tokens", "offsets", "supervised"])
def test_one_changed_byte_of_a_store_is_found_out(split: str, kind: str, here: Path) -> None:
    path = here / f"stores/tales/{split}.{kind}.bin"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, parts = verify(here)
    assert (code, f"the content of {path.name} is not what meta.json recorded" in parts["stores/tales"]) == (74, True)


def test_a_plan_of_another_run_is_found_out(here: Path) -> None:
    write_facts(here / "run/plan.json", {**read_json(here / "run/plan.json"), "digest": "0" * 64})
    assert re.match(r"damaged: it is the plan 0{12}, and step 4 was trained by \w{12}$", verify(here)[1]["plan.json"])


LINE = b'{"event": "train", "step": 2}\n'


@pytest.mark.parametrize(
    ("harm", "damage"),
    [
        (lambda before: None, "it is missing"),
        (lambda before: before[:-200], "it has "),
        (lambda before: before + b"[]\n", "line 7 is no record"),
        (lambda before: before + LINE, "line 7 is of step 2, and follows one of 4"),
    ],
)
def test_records_that_are_lost_or_none_are_found_out(
    harm: Callable[[bytes], bytes | None], damage: str, here: Path
) -> None:
    path = here / "run/metrics.jsonl"
    content = harm(path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)
    assert verify(here)[1]["metrics.jsonl"].startswith(f"damaged: {damage}")


def test_a_run_that_died_and_went_on_is_intact_at_every_moment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unfinish(here)
    assert of_state(here, "damaged") == []  # records of a lost checkpoint are of no matter
    die_at(3, monkeypatch)(here)
    with (here / "run/metrics.jsonl").open("a") as file:
        file.write('{"event": "tra')
    assert (verify(here)[0], of_state(here, "not proven")) == (0, [])
    die_at(4, monkeypatch)(here, *OFTEN)
    assert (verify(here)[0], of_state(here, "not proven")) == (0, [])
    assert lorarun(here, *RUN, *OFTEN).exit_code == 0
    assert of_state(here, "intact") == [*PARTS[:1], "checkpoints/3", *PARTS[1:], "stores/tales"]


def test_a_change_that_was_accepted_is_no_damage_before_the_next_save(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinish(here)
    longer = ("--set", "training/post_lora_tokens=[512]")
    die_at(3, monkeypatch)(here, *longer)
    code, parts = verify(here)
    assert (code, parts["plan.json"]) == (
        0,
        "intact: it agrees with its own digest; the spec was changed since step 2",
    )
    assert lorarun(here, *RUN, *longer).exit_code == 0
    assert verify(here)[1]["plan.json"] == "intact: it agrees with its own digest"


def test_a_store_that_is_gone_or_another_one_is_reported(here: Path) -> None:
    with (here / "tales.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": "one more: ", "completion": "tale"}) + "\n")
    spec = load_spec("spec.yaml")
    open_catalog(spec, compile_plan(spec), Silent())
    said = "not proven: it was made again since, of another source or tokenizer"
    assert (verify(here)[0], verify(here)[1]["stores/tales"]) == (0, said)
    shutil.rmtree(here / "stores")
    said = "not proven: it is not there, seen from this folder"
    assert (verify(here)[0], verify(here)[1]["stores/tales"]) == (0, said)


def test_a_run_does_not_go_on_with_files_that_have_changed(here: Path) -> None:
    for name, remedy in (
        ("run.json", "bring back a copy of that file, or give --run-dir a new or empty folder"),
        ("summary.json", "remove summary.json and run the same command again, which writes it again"),
    ):
        content = (here / "run" / name).read_text()
        (here / "run" / name).write_text(content.replace("5", "6", 1))
        done = lorarun(here, *RUN)
        assert (done.exit_code, done.changed) == (74, set())
        damaged = f"cannot read run/{name}: it is not as it was written; the run directory is damaged"
        assert done.stderr.splitlines()[-1] == f"lorarun: {damaged}; {remedy}"
        (here / "run" / name).write_text(content)


def test_a_base_of_another_run_is_found_out(here: Path) -> None:
    facts = check_seal(here / "run/base").facts
    seal(here / "run/base", {"base_digest": "0" * 64, "fingerprints": facts["fingerprints"]})
    said = verify(here)[1]["base"]
    assert re.match(r"damaged: it is the base 0{12}, and the checkpoints were trained on \w{12}$", said)
