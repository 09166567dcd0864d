"""`lorarun verify` reads everything again: it tells of one changed digit anywhere, and of nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runner.train.loop
from runner.checkpoint.manifest import read_manifest
from runner.files.seal import seal, sealed_facts
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
            raise MemoryError
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


@pytest.mark.parametrize(
    "name", ["run.json", "plan.json", "summary.json", "metrics.jsonl", "../stores/tales/meta.json"]
)
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


def test_files_of_another_run_are_found_out(here: Path) -> None:
    shutil.copytree(here / "run", here / "other")
    assert lorarun(here, *RUN[:3], "longer", *RUN[4:], "--set", "training/post_lora_tokens=[512]").exit_code == 0
    shutil.copy(here / "longer/plan.json", here / "run/plan.json")
    assert re.match(r"damaged: it is the plan \w{12}, and step 4 was trained by \w{12}$", verify(here)[1]["plan.json"])
    shutil.copy(here / "other/plan.json", here / "run/plan.json")
    shutil.copy(here / "longer/metrics.jsonl", here / "run/metrics.jsonl")
    assert of_state(here, "damaged") == ["metrics.jsonl"]
    (here / "run/metrics.jsonl").unlink()
    assert verify(here)[1]["metrics.jsonl"] == "damaged: it is missing"


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
    lines = (here / "run/metrics.jsonl").read_bytes()
    (here / "run/metrics.jsonl").write_bytes(lines.replace(b'"step": 2', b'"step": 1', 1))
    assert of_state(here, "damaged") == ["metrics.jsonl"]  # also where it was written by the first of all processes


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


def test_what_an_older_version_wrote_is_only_read_and_no_damage(here: Path) -> None:
    names = ["run.json", "plan.json", "summary.json"]
    for name in names:
        path = here / "run" / name
        facts = {key: value for key, value in json.loads(path.read_text()).items() if key != "sha256"}
        path.write_text(json.dumps(facts, indent=2))
    for step in (2, 4):
        forget_records(here / f"run/checkpoints/{step}")
    code, parts = verify(here)
    assert code == 0
    assert [name for name, text in parts.items() if text.startswith("not proven: ")] == [*names, "metrics.jsonl"]
    assert parts["run.json"].endswith("only read: an older version wrote it, without a digest")


def test_a_run_of_an_older_version_goes_on_and_its_new_records_are_proven(here: Path) -> None:
    unfinish(here)
    forget_records(here / "run/checkpoints/2")
    assert lorarun(here, *RUN).exit_code == 0
    noted = read_manifest(here / "run/checkpoints/4").records
    assert noted is not None
    lines = (here / "run/metrics.jsonl").read_bytes()
    assert json.loads(lines[: noted["start"]].splitlines()[-1])["step"] == 2
    code, parts = verify(here)
    said = f"not proven: 6 records up to step 4; up to step 4 as they were written; the first {noted['start']:,} bytes"
    assert (code, parts["metrics.jsonl"]) == (0, f"{said} only read")
    (here / "run/metrics.jsonl").write_bytes(lines.replace(b'"step": 4', b'"step": 5'))
    assert of_state(here, "damaged") == ["metrics.jsonl"]


def forget_records(checkpoint: Path) -> None:
    """Make a checkpoint what it was before it said anything of records."""
    seal(
        checkpoint,
        {name: value for name, value in sealed_facts(checkpoint).items() if name not in ("records", "files")},
    )


def test_a_store_that_is_gone_or_another_one_is_told(here: Path) -> None:
    with (here / "tales.jsonl").open("a") as file:
        file.write(json.dumps({"prompt": "one more: ", "completion": "tale"}) + "\n")
    assert lorarun(here, *RUN[:3], "other", *RUN[4:]).exit_code == 0
    said = "not proven: it was made again since, of another source or tokenizer"
    assert (verify(here)[0], verify(here)[1]["stores/tales"]) == (0, said)
    shutil.rmtree(here / "stores")
    said = "not proven: it is not there, seen from this folder"
    assert (verify(here)[0], verify(here)[1]["stores/tales"]) == (0, said)


def test_a_run_does_not_go_on_with_files_that_have_changed(here: Path) -> None:
    for name, remedy in (
        ("run.json", "bring back a copy of that file, or give --run-dir a new or empty folder"),
        ("summary.json", "remove summary.json and run the same command again, which writes it anew"),
    ):
        content = (here / "run" / name).read_text()
        (here / "run" / name).write_text(content.replace("5", "6", 1))
        done = lorarun(here, *RUN)
        assert (done.exit_code, done.changed) == (74, set())
        damaged = f"cannot read run/{name}: it is not as it was written; the run directory is damaged"
        assert done.stderr.splitlines()[-1] == f"lorarun: {damaged}; {remedy}"
        (here / "run" / name).write_text(content)


def test_a_base_of_another_run_is_found_out(here: Path) -> None:
    assert lorarun(here, *RUN[:3], "other", *RUN[4:], "--set", "training/seed=1").exit_code == 0
    shutil.rmtree(here / "run/base")
    shutil.copytree(here / "other/base", here / "run/base")
    assert re.match(
        r"damaged: it is the base \w{12}, and the checkpoints were trained on \w{12}$", verify(here)[1]["base"]
    )
