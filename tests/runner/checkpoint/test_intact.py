"""What was verified is a value: whichever byte a disk lost, and whatever lies in another's place, is found."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import jax
import pytest

import runner.files.seal
from runner.checkpoint.intact import Intact, newest_intact, verify
from runner.checkpoint.manifest import read_manifest
from runner.checkpoint.restore import restore_tree
from runner.commands.guide.shapes import SHAPES
from runner.failure import ExitCode, Failure
from runner.files.seal import seal, sealed_facts
from runner.weights import find_weights
from tests.runner.three_arrays import (
    abstract_state,
    arrays_file,
    flip,
    same,
    save,
    state_at,
    two_phases,
)
from tests.runner.workplace import lorarun


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `run` and `other`, each with checkpoints 2 (phase full), 3 and 4 (phase lora) and a base."""
    folder = tmp_path_factory.mktemp("finished")
    two_phases(folder / "run")
    two_phases(folder / "other", seed=1, run_id="1" * 32)
    return folder


def newest(run: Path) -> tuple[int | None, dict[int, str]]:
    """The step of the newest intact checkpoint, and why newer ones are not."""
    intact, damaged = newest_intact(run)
    return (int(intact.path.name) if intact else None), {int(path.name): why for path, why in damaged.items()}


def replace(one: Path, other: Path) -> None:
    shutil.rmtree(other)
    shutil.copytree(one, other)


def with_other_arrays(checkpoint: Path) -> None:
    """Seal the arrays of the step before under the manifest of a checkpoint."""
    facts = sealed_facts(checkpoint)
    replace(checkpoint.with_name("3") / "state", checkpoint / "state")
    seal(checkpoint, {name: value for name, value in facts.items() if name != "files"})


# What is done to a folder with the runs `run` and `other`, the newest intact step then, and why 4 is not.
FAULTS: dict[str, tuple[Callable[[Path], object], int | None, str]] = {
    "a flipped byte": (lambda here: flip(arrays_file(here / "run/checkpoints/4")), 3, " have changed"),
    "no marker": (lambda here: (here / "run/checkpoints/4/manifest.json").unlink(), 3, "it has no manifest.json"),
    "a missing file": (lambda here: arrays_file(here / "run/checkpoints/4").unlink(), 3, " is missing"),
    "a copy in its place": (
        lambda here: replace(here / "run/checkpoints/3", here / "run/checkpoints/4"),
        3,
        "it is a copy of that of step 3",
    ),
    "one of another run": (
        lambda here: replace(here / "other/checkpoints/4", here / "run/checkpoints/4"),
        3,
        "it is one of another run",
    ),
    "a file in its place": (
        lambda here: (shutil.rmtree(here / "run/checkpoints/4"), (here / "run/checkpoints/4").write_text("a note")),
        3,
        "manifest.json cannot be read: Not a directory",
    ),
    "a link that leads nowhere": (
        lambda here: (shutil.rmtree(here / "run/checkpoints/4"), (here / "run/checkpoints/4").symlink_to("/nowhere")),
        3,
        "it is missing",
    ),
    "a lost base": (lambda here: shutil.rmtree(here / "run/base"), 2, "run/base is not intact: it is missing"),
    "a damaged base": (lambda here: flip(arrays_file(here / "run/base")), 2, " have changed"),
    "another base": (
        lambda here: replace(here / "other/base", here / "run/base"),
        2,
        "run/base is not the base that run/checkpoints/4 was trained on",
    ),
    "another version": (lambda here: seal(here / "run/checkpoints/4", {"step": 4}), 3, "is of another version"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_that_cannot_be_trusted_is_passed_over(fault: str, here: Path) -> None:
    harm, step, reason = FAULTS[fault]
    harm(here)
    found, damaged = newest(Path("run"))
    assert found == step
    assert reason in damaged[4]
    assert [*damaged] == ([4] if step == 3 else [4, 3])


def test_a_flipped_byte_shows_wherever_it_is(here: Path) -> None:
    checkpoint, passed_over = here / "run/checkpoints/4", 0
    files = [path for part in (checkpoint, here / "run/base") for path in part.rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        for place in {0, len(content) // 2, len(content) - 1} if content else ():
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            found, damaged = newest(here / "run")
            assert (found, 4 in damaged) == (3 if checkpoint in path.parents else 2, True), path
            passed_over += 1
        path.write_bytes(content)
    assert passed_over > 40
    assert newest(here / "run") == (4, {})


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("named", "step"), [("run", 4), ("run/checkpoints/3", 3), ("other/../run", 4), ("latest", 3)])
def test_a_path_names_a_run_or_one_of_its_checkpoints(named: str, step: int) -> None:
    Path("latest").symlink_to("run/checkpoints/3")
    assert newest(Path(named)) == (step, {})


def test_names_that_no_step_has_are_left_alone(here: Path) -> None:
    for name in ("²", "007", "latest", "-1"):
        (here / "run/checkpoints" / name).mkdir()
    assert newest(here / "run") == (4, {})
    save(here / "run", [5])
    assert (here / "run/checkpoints/007").is_dir()
    for command in ("runs", "verify"):
        assert lorarun(here, command, "run").exit_code == 0


def hashed(patch: pytest.MonkeyPatch) -> Counter[Path]:
    """Count from here on how often each file is hashed."""
    found: Counter[Path] = Counter()
    digest = runner.files.seal._digest

    def counted(path: Path) -> str:
        found[path.resolve()] += 1
        return digest(path)

    patch.setattr(runner.files.seal, "_digest", counted)
    return found


def test_a_base_is_hashed_once_for_all_checkpoints_that_need_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(arrays_file(here / "run/checkpoints/4"))
    counted = hashed(monkeypatch)
    intact, _ = newest_intact(here / "run")
    assert intact is not None
    assert intact.base is not None
    restore_tree(intact.sealed, abstract_state())
    assert set(counted.values()) == {1}
    assert {path.relative_to(here).parts[1] for path in counted} == {"base", "checkpoints"}


def test_a_checkpoint_is_restored_bit_for_bit(here: Path) -> None:
    assert same(restore_tree(verify(here / "run/checkpoints/3").sealed, abstract_state()), state_at(3))


def test_arrays_that_are_not_those_of_the_manifest_are_not_restored(here: Path) -> None:
    with_other_arrays(here / "run/checkpoints/4")
    intact = verify(Path("run/checkpoints/4"))
    with pytest.raises(Failure, match=r"^run/checkpoints/4 does not hold what was trained: ") as refused:
        restore_tree(intact.sealed, abstract_state())
    assert refused.value.exit_code is ExitCode.STORAGE


def test_a_device_that_is_full_makes_no_checkpoint_a_damaged_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr("orbax.checkpoint.PyTreeCheckpointer.restore", full)
    with pytest.raises(jax.errors.JaxRuntimeError):
        restore_tree(verify(here / "run/checkpoints/4").sealed, abstract_state())


def test_the_manifest_of_a_checkpoint_is_read_without_its_arrays(here: Path) -> None:
    flip(arrays_file(here / "run/checkpoints/4"))
    manifest = read_manifest(here / "run/checkpoints/4")
    assert (manifest.progress.phase, manifest.progress.step) == ("lora", 4)
    assert json.loads(json.dumps(asdict(manifest)))["progress"]["step"] == 4


def test_weights_of_a_run_are_identified_by_the_seal_of_its_checkpoint(here: Path) -> None:
    flip(arrays_file(here / "run/checkpoints/4"))
    source = find_weights(Path("run"))
    assert source is not None
    assert source.path == here / "run/checkpoints/3"
    assert source.identity() == verify(here / "run/checkpoints/3").sealed.digest
    assert source.describe() == {"n_embd": 16}
    (remark,) = source.remarks()
    assert remark.startswith(f"passed over: {here}/run/checkpoints/4 is no intact checkpoint: the bytes of ")


@pytest.mark.usefixtures("here")
def test_weights_of_no_run_are_none_and_damaged_ones_are_not_called_absent() -> None:
    for manifest in Path("run").glob("checkpoints/*/manifest.json"):
        manifest.unlink()
    assert find_weights(Path("run/checkpoints/5")) is None
    for named in ("run/checkpoints/4", "run"):
        source = find_weights(Path(named))
        assert source is not None
        with pytest.raises(Failure, match=r"holds no intact checkpoint: .* it has no manifest.json") as refused:
            source.identity()
        assert refused.value.exit_code is ExitCode.STORAGE


def test_verify_and_runs_say_what_is_intact(here: Path) -> None:
    assert lorarun(here, "verify", "run").exit_code == 0
    assert lorarun(here, "verify", "run/checkpoints/4").exit_code == 0
    whole = json.loads(lorarun(here, "verify", "run/checkpoints/4", "--format", "json").stdout)
    assert [*whole] == ["version", *SHAPES["verify"]]
    assert "checkpoints/4" in {part["name"] for part in whole["parts"] if part["proven"] and not part["damage"]}
    flip(arrays_file(here / "run/checkpoints/3"))
    flip(arrays_file(here / "run/base"))
    done = lorarun(here, "verify", "run")
    assert (done.exit_code, done.changed) == (74, set())
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert {name for name, text in lines.items() if text.startswith("damaged: the bytes of ")} == {
        "checkpoints/3",
        "base",
    }
    assert lines["checkpoints/2"].startswith("intact: phase full, step 2, ")
    assert done.stderr == "lorarun: 2 of the parts of run are damaged\n"
    found = json.loads(lorarun(here, "verify", "run", "--format", "json").stdout)
    assert (found["code"], found["message"], found["exit_code"]) == ("storage", "2 of the parts of run are damaged", 74)
    assert [part["name"] for part in found["parts"] if part["damage"]] == [
        name for name, words in lines.items() if words.startswith("damaged")
    ]
    listed = lorarun(here, "runs", ".")
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["run", "state", "phase", "step", "checkpoints"],
        *([name, "stopped", "lora", "4", "2", "3", "4"] for name in ("other", "run")),
    ]
    flip(here / "run/checkpoints/4/manifest.json")
    (found,) = json.loads(lorarun(here, "runs", "run", "--format", "json").stdout)["runs"]
    assert (found["state"], found["checkpoints"]) == ("damaged", [2, 3, 4])
    (here / "nothing").mkdir()
    assert lorarun(here, "runs", "nowhere").exit_code == 2
    assert lorarun(here, "verify", "nothing").exit_code == 2
    assert lorarun(here, "runs", "nothing").stdout == "nothing holds no runs\n"


def test_what_is_intact_says_where_it_lies(here: Path) -> None:
    intact, _ = newest_intact(here / "run")
    assert isinstance(intact, Intact)
    assert (intact.path, intact.run_dir) == (here / "run/checkpoints/4", here / "run")
