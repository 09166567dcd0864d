"""The room that a run still needs, wherever it resumes: compared with a run that is played."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from schema.budget.bytes import WHOLE, base_bytes, checkpoint_bytes, export_bytes
from schema.budget.disk import DiskBudget
from schema.budget.event_steps import event_steps
from schema.budget.retention import Retention
from schema.document import Document, read_document
from schema.environment import Environment, Run
from schema.lint import accepted, lint_text

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
        self.base = base_bytes(architecture, WHOLE)
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


def budgeted(document: Document, **run: Any) -> DiskBudget:
    return replace(document, environment=Environment(run=Run("runs/a", **run))).budget.disk


@pytest.mark.parametrize("export", ["true", "false"])
@pytest.mark.parametrize(
    ("keep", "interval", "kept_before"), [(1, 3, 1), (2, 3, 2), (4, 3, 4), (2, 7, 4), (4, 3, 1), (3, 40, 3)]
)
def test_it_is_the_room_that_a_run_takes_from_any_step_on(
    keep: int, interval: int, kept_before: int, export: str
) -> None:
    text = SPEC.format(keep=keep, interval=interval, export=export)
    disk, document, done = Disk(text), read_document(text.encode(), "spec.yaml"), list[int]()
    for step in [None, *saves(interval)]:
        done += [step] if step else []
        there = kept(done, kept_before)
        based = step is not None and step > BOUNDARY
        found = budgeted(document, step=step, saved=tuple(there), holds=("base",) if based else ())
        more = max(disk.played(there, keep, interval)) - disk.of(there, based)
        assert max(found.needed - found.held, 0) == max(more, 0), step


def test_an_export_that_lies_there_needs_no_more_room_when_the_run_is_over() -> None:
    document = read_document(SPEC.format(keep=1, interval=40, export="true").encode(), "spec.yaml")
    over = {"step": LAST, "saved": (BOUNDARY, LAST)}
    without, whole = budgeted(document, **over, holds=("base",)), budgeted(document, **over, holds=("base", "export"))
    assert (without.needed - without.held, whole.needed - whole.held) == (whole.sizes.export, 0)
    halfway = budgeted(document, step=BOUNDARY, saved=(BOUNDARY,), holds=("export",))
    assert halfway.needed - halfway.held > 0
