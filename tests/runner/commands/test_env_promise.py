"""`validate --env` exits with 0 where `exec` reaches its first step, and nowhere else: random specs, data and mistakes.

The few examples of every day stop where the first batch is drawn; `-m soak` has hundreds, which take the step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import runner.train.loop
import runner.train.lora_trainer
from runner.data.batch import train_batch
from runner.data.loader import train_batches
from runner.failure import ExitCode, Failure
from runner.plan.plan import PhasePlan
from runner.run.execution import ExecutionSpec
from runner.run.record import create_run_dir
from runner.train.session import Session
from runner.train.trainer import BaseTrainer
from schema.lint import load_spec
from tests.runner.data.conversation_files import chat_folder, conversation
from tests.runner.sealed_checkpoint import seal_checkpoint
from tests.runner.workplace import SPEC, lorarun

REACHED = Failure("the first step is reached", ExitCode.PREEMPTED)
RECORDS: dict[str, Callable[[int, int], dict[str, object]]] = {
    "pairs": lambda number, words: {"prompt": f"tale {number}: ", "completion": f"{number * 7919} " * words},
    "texts": lambda number, words: {"text": f"{number * 7919} " * words},
    "numbers": lambda number, words: {"text": number},
    "nulls": lambda number, words: {"prompt": "one", "completion": None},
    "empty": lambda number, words: {"text": ""},
    "others": lambda number, words: {"question": f"{number}", "answer": "7 " * words},
    "talks": lambda number, words: {"messages": [{"role": "user", "content": "?"}]},
    "chats": lambda number, words: conversation(f"cat {number}", "sat " * words),
}
CHATS = {
    "tokenizer": "{backend: huggingface, name: smol}",
    "data/sources/tales/messages": "messages",
}
# What one line of a file becomes: a mistake in the middle of what is right.
LINES = ("", "{", "[]", '{"text": 3}', '{"text": "\\ud800"}', '{"promt": "one", "completion": "two"}', "\ufeff{}")
SUFFIXES = ("jsonl", "txt", "parquet", "csv")
KEYS: dict[str, tuple[str, ...]] = {
    "architecture/block_size": ("16", "512"),
    "architecture/vocab_size": ("257", "300"),
    "training/batch_size": ("3", "6"),
    "training/per_device_batch_size": ("-1", "3"),
    "training/validation_steps": ("1", "4096"),
    "training/validation": ("false",),
    "training/evaluate": ("false",),
    "training/pre_lora_tokens": ("[128]", "[100]", "[6400, 640]", "[40960]", "[]"),
    "data/on_exhausted": ("error",),
    "data/on_too_long": ("drop", "error"),
    "data/root": ("spec.yaml", "elsewhere/stores"),
    "data/sources/tales/text": ("body", "completion"),
    "data/sources/tales/prompt": ("question",),
    "data/sources/tales/messages": ("messages",),
    "tokenizer": ("{backend: huggingface, name: smol}", "{backend: huggingface, name: none}"),
    "mesh/tensor": ("3",),
    "mesh/fsdp": ("-1",),
    "optimization/lora/target_modules": ("[q_proj]", "[attn]"),
    "optimization/lora/init": ("smol", "none"),
    "optimization/optimizer": ("muon",),
    "logging/wandb": ("true",),
    "export/gguf": ("f16",),
    "architecture/pretrained": ("none", "smol"),
    "chat/template": ("chatml", "none.jinja"),
    "chat/train_on": ("all", "last"),
}
STYLES = ("PADDED", "PMD")


class Situation(NamedTuple):
    """A working directory and a spec: `records` of a kind in so many files, `odd` the line that is another one."""

    kind: str
    records: int
    words: int
    files: int
    suffix: str
    odd: tuple[int, str] | None
    styles: tuple[str, str]
    keys: tuple[tuple[str, str], ...]
    place: str
    restore: str

    def arguments(self, finished: Path) -> tuple[str, ...]:
        """What both commands get; `finished` is a run that has come to its end."""
        chosen = {**(CHATS if self.kind == "chats" else {}), **dict(self.keys)}
        stages = chosen.get("training/pre_lora_tokens", "[256]").strip("[]").split(",")
        for phase, style, number in zip(("pre", "post"), self.styles, (len(stages), 1), strict=True):
            stage = f"[{{name: tales, rate: 1.0, style: {'PADDED' if self.kind == 'chats' else style}}}]"
            mixtures = [stage] * (number if stages[0] or phase == "post" else 0)
            chosen[f"training/{phase}_lora_dataset"] = f"[{', '.join(mixtures)}]"
        restore = ("--restore", str(finished) if self.restore == "finished" else self.restore) if self.restore else ()
        return ("spec.yaml", "--run-dir", "run", *restore, *(f"--set={key}={value}" for key, value in chosen.items()))

    def fill(self, finished: Path) -> None:
        """Write all of it into the working directory."""
        Path("spec.yaml").write_text(SPEC.replace("tales.jsonl", "tales" if self.files > 1 else f"tales.{self.suffix}"))
        chat_folder(Path("smol"))
        made = [RECORDS[self.kind](number, self.words) for number in range(self.records)]
        for number in range(self.files):
            name = f"tales/{number}.{self.suffix}" if self.files > 1 else f"tales.{self.suffix}"
            Path(name).parent.mkdir(exist_ok=True)
            self._write(Path(name), made[number :: self.files], number == self.files - 1)
        if self.place == "a file":
            Path("run").write_text("")
        elif self.place == "another run":
            Path("right.yaml").write_text(SPEC)
            create_run_dir(ExecutionSpec(load_spec("right.yaml"), Path("run")))
        elif self.place == "stores":
            lorarun(Path.cwd(), "data", *self.arguments(finished)[:1])
            with Path("tales.jsonl").open("a") as file:
                file.write(json.dumps(RECORDS[self.kind](self.records, self.words)) + "\n")
        elif self.place == "a letter":
            Path("run").mkdir()
            Path("run/letter.txt").write_text("mine")
        if self.restore == "damaged":
            Path("right.yaml").write_text(SPEC)
            create_run_dir(ExecutionSpec(load_spec("right.yaml"), Path("damaged")))
            (seal_checkpoint(Path("damaged"), 2) / "state" / "arrays").write_bytes(b"")

    def _write(self, path: Path, made: list[dict[str, object]], last: bool) -> None:
        if self.suffix == "parquet":
            pq.write_table(pa.Table.from_pylist(made), path)
            return
        lines = [json.dumps(record) if self.suffix == "jsonl" else str(record) for record in made]
        if self.odd and last:
            lines[self.odd[0] : self.odd[0]] = [self.odd[1]]
        path.write_text("".join(line + "\n" for line in lines))


def situations(*restored: str) -> st.SearchStrategy[Situation]:
    """What is right, with up to two things that often are not; runs start from weights that are `restored`, or none."""
    one_of = st.sampled_from
    right = st.builds(
        Situation,
        kind=one_of(("pairs", "texts", "chats")),
        records=one_of((40, 100)),
        words=one_of((1, 3)),
        files=one_of((1, 3)),
        suffix=one_of(("jsonl", "txt", "parquet")),
        odd=st.none(),
        styles=st.tuples(one_of(STYLES), one_of(STYLES)),
        keys=st.just(()),
        place=st.just(""),
        restore=one_of(("", "", *restored)),
    )
    key = one_of([(key, value) for key, values in KEYS.items() for value in values])
    other: dict[str, st.SearchStrategy[Any]] = {
        "kind": one_of([*RECORDS]),
        "records": one_of((0, 1, 2, 3, 9)),
        "words": st.just(60),
        "suffix": st.just("csv"),
        "odd": st.tuples(st.integers(0, 40), one_of(LINES)),
        "keys": st.lists(key, min_size=1, max_size=2, unique_by=lambda pair: pair[0]).map(tuple),
        "place": one_of(("a file", "another run", "a letter", "stores")),
        "restore": one_of(("damaged", "smol")),
    }
    often = one_of([*other, *["keys", "odd", "records"] * 2])
    change = often.flatmap(lambda name: st.tuples(st.just(name), other[name]))
    return st.builds(lambda right, changes: right._replace(**dict(changes)), right, st.lists(change, max_size=2))


def draw_first(trainer: BaseTrainer, phase: PhasePlan, session: Session) -> None:
    """Stand in for the steps of a phase: draw the first batch, without compiling what would train on it."""
    stage = phase.stages[0]
    with train_batches(
        session.catalog.entries(stage),
        seed=0,
        batch=train_batch(trainer.spec.spec, phase.name),
        first_step_of_stage=stage.first_step,
        start_step=stage.first_step,
        end_step=stage.first_step + 1,
    ) as batches:
        next(iter(batches))
    raise REACHED


def reached(*_: Any) -> float:
    """Stand in for the report of a step."""
    raise REACHED


def agree(situation: Situation, finished: Path) -> bool:
    """See that both commands give the same verdict; return it."""
    before = Path.cwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            situation.fill(finished)
            validated = lorarun(Path(folder), "validate", "--env", *situation.arguments(finished))
            executed = lorarun(Path(folder), "exec", *situation.arguments(finished))
        finally:
            os.chdir(before)
    passed = executed.stderr.endswith(f"lorarun: {REACHED}\n")
    assert "unexpected" not in executed.stderr + validated.stderr, executed.stderr + validated.stderr
    assert (validated.exit_code == 0) is passed, validated.stdout + validated.stderr + "\n--\n" + executed.stderr
    return passed


@settings(max_examples=8, derandomize=True, database=None)
@given(situations())
def test_what_validate_passes_reaches_its_first_batch(situation: Situation) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner.train.lora_trainer, "run_phase", draw_first)
        agree(situation, Path("none"))


@pytest.mark.soak
@settings(max_examples=300)
@given(situations("finished"))
def test_what_validate_passes_takes_its_first_step(saved_each_step: Path, situation: Situation) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner.train.loop, "_report", reached)
        agree(situation, saved_each_step / "run")
