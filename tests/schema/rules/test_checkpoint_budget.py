"""LR607 asks for the very room that a run still needs, wherever it goes on: compared with a run that is played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schema.budget.bytes import checkpoint_bytes, export_bytes, state_bytes
from schema.budget.event_steps import event_steps
from schema.budget.retention import Retention
from schema.lint import accepted, lint_text
from tests.schema.goldens import environment_of

BOUNDARY, LAST = 20, 35
SPEC = """\
architecture: {{n_layers: 2, n_embd: 64, n_head: 2, block_size: 32, vocab_size: 320}}
tokenizer: {{backend: byte}}
training:
  batch_size: 4
  pre_lora_tokens: [2560]
  pre_lora_dataset: [[{{name: web, rate: 1.0, style: PMD}}]]
  post_lora_tokens: [1920]
  post_lora_dataset: [[{{name: web, rate: 1.0, style: PMD}}]]
optimization: {{lora: {{target_modules: [attn, mlp]}}}}
checkpoint: {{keep: {keep}}}
logging: {{checkpoint_interval: {interval}}}
export: {{merged: {export}, adapter: {export}}}
"""


def saves(interval: int) -> list[int]:
    return [*event_steps(interval, 1, BOUNDARY), *event_steps(interval, BOUNDARY + 1, LAST)]


def kept(steps: list[int], keep: int) -> list[int]:
    return sorted(Retention(keep, 0, (BOUNDARY, LAST)).kept(steps, {}))


class Disk:
    """What a run of this spec holds, in bytes, while it is played from one step to its end."""

    def __init__(self, text: str) -> None:
        spec = accepted(lint_text(text))
        architecture, optimization = spec.architecture, spec.optimization
        self.full, self.lora = (checkpoint_bytes(architecture, optimization, phase) for phase in ("full", "lora"))
        self.base = state_bytes(architecture, optimization, {"data": 1, "fsdp": 1, "tensor": 1}, "lora")["base"]
        self.export = export_bytes(architecture, optimization.lora, spec.export, True)

    def of(self, steps: list[int], based: bool) -> int:
        return sum(self.full if step <= BOUNDARY else self.lora for step in steps) + based * self.base

    def played(self, there: list[int], keep: int, interval: int) -> Iterator[int]:
        """Bytes that lie there at each moment from now on."""
        there = kept(there, keep)
        for step in (step for step in saves(interval) if step > max(there, default=0)):
            based = step > BOUNDARY
            yield self.of([*there, step], based)  # a new one is whole before an old one goes
            there = kept([*there, step], keep)
        yield self.of(there, True) + self.export


def is_silent(text: str, free_bytes: int, run: dict[str, Any]) -> bool:
    found = lint_text(text, environment=environment_of({"free_bytes": free_bytes, "run": run})).diagnostics
    return all(each.slug != "checkpoint-budget" for each in found)


@pytest.mark.parametrize("export", ["true", "false"])
@pytest.mark.parametrize(
    ("keep", "interval", "kept_before"), [(1, 3, 1), (2, 3, 2), (4, 3, 4), (2, 7, 4), (4, 3, 1), (3, 40, 3)]
)
def test_it_speaks_where_a_run_would_not_find_the_room_and_nowhere_else(
    keep: int, interval: int, kept_before: int, export: str
) -> None:
    text = SPEC.format(keep=keep, interval=interval, export=export)
    disk, done = Disk(text), list[int]()
    for step in [None, *saves(interval)]:
        done += [step] if step else []
        there = kept(done, kept_before)
        based = step is not None and step > BOUNDARY
        run = {"path": "runs/a", "step": step, "saved": there, "holds": ["base"] if based else []}
        more = max(disk.played(there, keep, interval)) - disk.of(there, based)
        assert is_silent(text, max(more, 0), run), step
        assert more <= 0 or not is_silent(text, more - 1, run), step


def test_an_export_that_lies_there_needs_no_more_room_when_the_run_is_over() -> None:
    text = SPEC.format(keep=1, interval=40, export="true")
    run = {"path": "runs/a", "step": LAST, "saved": [BOUNDARY, LAST], "holds": ["base"]}
    assert not is_silent(text, 0, run)
    assert is_silent(text, 0, {**run, "holds": ["base", "export"]})
    assert not is_silent(text, 0, {**run, "step": BOUNDARY, "saved": [BOUNDARY], "holds": ["export"]})


def test_it_is_silent_about_a_run_that_this_spec_cannot_go_on_with() -> None:
    text = SPEC.format(keep=1, interval=40, export="true")
    assert is_silent(text, 0, {"path": "runs/a", "step": 3, "saved": [3], "spec": {"training/seed": 9}})
