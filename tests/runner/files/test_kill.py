"""A run killed with SIGKILL at every kind of event, one after the other, ends as an uninterrupted one, bitwise.

The usual tests kill at 5 moments by chance too, `python -m pytest -m soak` at 200.
"""

from __future__ import annotations

import json
import re
import signal
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from runner.report.verify import verify_run
from tests.runner import workplace
from tests.runner.event_files import events
from tests.runner.interrupted_run import TIMES, records, run_cycles, summary
from tests.runner.weights.model_folders import LLAMA_4, write_folder

# Both phases start from a folder of Transformers, and the layers of its model are of two files.
MODEL = {
    **LLAMA_4,
    "vocab_size": 320,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "attention_bias": False,
    "mlp_bias": False,
}
SPEC = """
architecture: {pretrained: model, block_size: 32, dropout: 0.1}
tokenizer: {backend: byte}
data:
  root: data
  sources:
    tales: {path: tales.jsonl}
    notes: {path: notes}
training:
  batch_size: 4
  validation_steps: 8
  pre_lora_tokens: [1024, 1024]
  pre_lora_dataset:
    - [{name: notes, rate: 1.0, style: PMD}]
    - [{name: notes, rate: 0.7, style: PMD}, {name: tales, rate: 0.3, style: PADDED}]
  post_lora_tokens: [1280]
  post_lora_dataset: [[{name: tales, rate: 1.0, style: PADDED}]]
optimization: {lr: 0.003, lora: {rank: 2, target_modules: [attn, mlp], dropout: 0.1}}
logging: {report_interval: 1, checkpoint_interval: 3, validation_interval: 5}
"""

# Seeds of soaks, and how often each starts and kills; the 200 of `pytest -m soak` can run side by side.
SOAKS = [(0, 5), *(pytest.param(seed, 50, marks=pytest.mark.soak) for seed in range(1, 5))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec, a model and two small datasets; preparing `notes` takes long enough to be interrupted."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    with (tmp_path / "tales.jsonl").open("w") as file:
        for number in range(400):
            record = {"prompt": f"tale {number}: ", "completion": f"{number * 7919 % 1000} times round the lake"}
            file.write(json.dumps(record) + "\n")
    write_folder(tmp_path / "model", MODEL, shards=2)
    (tmp_path / "notes").mkdir()
    for number in range(1500):
        (tmp_path / "notes" / f"{number:04}.txt").write_text(f"note {number}: " + "a quick brown fox " * (number % 17))
    return tmp_path


# Every kind of event once. The moments of a save are those of the test below, which kills at every one.
EVENTS = [
    r"^before mkdir data/\.",  # a token store is being made
    r"^before rename data/notes$",
    r"^after rename data/tales$",
    r"^before rename \S+/run\.json$",
    r"^before weights model\.layers\.1\.mlp\.up_proj\.weight$",  # and nothing but run.json is there yet
    r"^before rename \S+/plan\.json$",
    r"^before compile$",
    r"^after record train 2$",
    r"^after record validation 5 notes$",
    r"^after rename \S+/\.partial-3-old$",  # retention has begun to remove a checkpoint
    r"^after record train 16$",  # the last of phase full
    r"^before rename \S+/checkpoints/16$",
    r"^before rename \S+/\.partial-base/manifest\.json$",
    r"^before rename \S+/base$",
    r"^after rename \S+/base$",
    r"^after record train 17$",
    r"^before rename \S+/checkpoints/\.partial-21/manifest\.json$",
    r"^after record validation 26 notes$",
    r"^before rename \S+/\.partial-export/manifest\.json$",
    r"^after rename \S+/export$",
    r"^before rename \S+/summary\.json$",
]


@pytest.mark.slow
def test_a_run_killed_at_every_kind_of_event_ends_as_an_uninterrupted_one(folder: Path) -> None:
    cycles = [{"run_dir": "killed", "event": event} for event in EVENTS]
    ends = run_cycles(folder, [*cycles, {"run_dir": "killed"}, {"run_dir": "whole"}])
    statuses = [end["status"] for end in ends]
    missed = [event for event, status in zip(EVENTS, statuses, strict=False) if status != signal.SIGKILL]
    assert (missed, statuses[-2:]) == ([], [0, 0]), (folder / "log").read_text()
    assert_same_run(folder / "killed", folder / "whole")
    for part in ("base/model", "merged/model", "adapter/adapter_model"):
        one, other = (folder / run / f"export/{part}.safetensors" for run in ("killed", "whole"))
        assert one.read_bytes() == other.read_bytes()
    assert not list((folder / "data").glob(".*"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with a run that is over soon: one layer, 10 steps a phase, a save every second."""
    workplace.fill(tmp_path)
    spec = workplace.SPEC.replace("root: stores", "root: data").replace("[256]", "[1280]")
    spec = spec.replace("rank: 2", "rank: 16").replace("  validation_steps: 8\n", "  validation: false\n")
    intervals = "{report_interval: 1, checkpoint_interval: 2}"
    spec = spec.replace("{report_interval: 1}", intervals) + "export: {merged: false, adapter: false}\n"
    (tmp_path / "spec.yaml").write_text(spec)
    return tmp_path


# Saves, and bytes that only a file of arrays has, which tensorstore writes in threads of its own. How it shares the
# arrays out among files differs from save to save, so they are few.
NATIVE_WRITES = [
    (r"^before mkdir \S+/checkpoints/\.partial-4$", 24_000),
    (r"^before mkdir \S+/\.partial-base$", 12_000),
    (r"^before mkdir \S+/checkpoints/\.partial-14$", 18_000),
]


@pytest.mark.slow
def test_a_crash_at_every_file_operation_of_a_save_loses_nothing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS", "1")
    run_cycles(small, [{"run_dir": "whole"}])
    monkeypatch.delenv("EVENTS")
    # Before each operation, and after the last: the disk is in each of its states once. A file of a save is removed
    # only where it is not there yet.
    events = re.findall(
        r"^event: (before (?:open|mkdir|rename)) whole/(checkpoints/(?:\.partial-)?4(?:/.*)?)$",
        (small / "log").read_text(),
        re.M,
    )
    events.append(("after rename", "checkpoints/4"))
    operations = [f"^{kind} killed/{re.escape(path)}$" for kind, path in dict.fromkeys(events)]
    assert len(operations) >= 10
    early = [{"run_dir": "killed", "event": each} for each in operations]
    inside = [{"run_dir": "killed", "event": event, "bytes": most} for event, most in NATIVE_WRITES]
    # A write is cut short where the checkpoint isn't there yet: that of step 4 comes before its name can.
    cycles = [inside[0], *early, *inside[1:], {"run_dir": "killed"}]
    ends = run_cycles(small, cycles)
    due = [signal.SIGXFSZ if "bytes" in cycle else signal.SIGKILL for cycle in cycles[:-1]]
    missed = [cycle for cycle, end, each in zip(cycles, ends, [*due, 0], strict=True) if end["status"] != each]
    assert not missed, (small / "log").read_text()[-5_000:]
    assert_same_run(small / "killed", small / "whole")


def assert_same_run(one: Path, other: Path) -> None:
    """Two runs have the same end, the same records, and the same files."""
    assert summary(one) == summary(other)  # with the digests of base, adapters and tokens, and the ledger
    assert records(one) == records(other)  # losses and token digests of every step
    assert scalars(one) == scalars(other)
    assert tree_of(one) == tree_of(other)
    assert [str(part) for part in verify_run(one) if part.damage] == []


def scalars(run: Path) -> list[tuple[str, int, float]]:
    """What TensorBoard shows of a run, without its times."""
    return [event for event in events(run) if event[0].removeprefix("train/") not in TIMES]


def tree_of(run: Path) -> set[str]:
    """The files of a run that have names of ours."""
    named = (path.relative_to(run) for path in run.rglob("*"))
    return {str(path) for path in named if "state" not in path.parts and "tensorboard" not in path.parts}


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "cycles"), SOAKS)
def test_many_starts_and_kills_end_as_an_uninterrupted_run(seed: int, cycles: int, small: Path) -> None:
    _, usual = run_cycles(small, [{"run_dir": "whole"}, {"run_dir": "again"}])  # the first one compiles
    random = Random(seed)
    moments = [random.uniform(0.02, 0.45) * usual["seconds"] for _ in range(cycles)]
    kills = [{"run_dir": "killed", "anew": True, "seconds": seconds} for seconds in moments]
    ends = run_cycles(small, [*kills, {"run_dir": "killed", "anew": True}])
    assert {end["status"] for end in ends} == {0, signal.SIGKILL}, (small / "log").read_text()[-5_000:]
    assert sum(end["status"] == signal.SIGKILL for end in ends) == len(kills)
    ended = [end["run_dir"] for end in ends if end["status"] == 0]
    for run_dir in ended:
        assert_same_run(small / run_dir, small / "whole")
        assert not (small / run_dir / ".lock").exists()
    assert sorted(path.name for path in small.iterdir()) == sorted(
        ["again", "data", *ended, "log", "spec.yaml", "tales.jsonl", "whole"]
    )
    assert not list((small / "data").glob(".*"))
    assert not processes_in(small)


def processes_in(folder: Path) -> list[str]:
    """Processes that work in a folder, where the system tells."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            if place.resolve().is_relative_to(folder):
                found.append(place.parent.name)
    return found
