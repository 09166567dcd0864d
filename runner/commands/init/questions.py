"""The questions of `lorarun init`: asked on a terminal for what no flag says, each with the default in brackets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from runner.commands.init.answers import Wishes, budgets, is_model
from runner.commands.init.datasets import find_datasets
from runner.failure import ExitCode, Failure
from runner.run.layout import checkpoints_of
from schema.starter import SIZES
from schema.text.paths import at_home
from schema.text.scalars import number
from schema.text.wording import quote

NONE = "none"


def ask(wishes: Wishes) -> Wishes:
    """Return the wishes with answers for what they don't say."""
    if not any((wishes.pretrained, wishes.size, wishes.n_layers, wishes.n_embd, wishes.n_head)):
        question = f"Model ({', '.join(SIZES)}, or the folder of a run or of a model to start from)"
        wishes = replace(wishes, **_prompt(question, "tiny", _model))
    if not wishes.data and wishes.full_tokens is None:
        default = NONE if wishes.pretrained else "pystdlib"
        wishes = replace(wishes, **_datasets("full", "data", default))
    if wishes.full and wishes.full_tokens is None:
        wishes = replace(wishes, full_tokens=_tokens("full", wishes))
    if not wishes.lora_data and wishes.lora_tokens is None:
        wishes = replace(wishes, **_datasets("lora", "lora_data", ", ".join(wishes.default_lora_data)))
    if wishes.lora and wishes.lora_tokens is None:
        wishes = replace(wishes, lora_tokens=_tokens("lora", wishes))
    return wishes


def _model(answer: str) -> dict[str, Any]:
    if answer in SIZES:
        return {"size": answer}
    if not is_model(answer) and not checkpoints_of(at_home(answer)):
        raise Failure(
            f"{quote(answer)} is no size, and neither a run nor a model lies in such a folder", ExitCode.INVALID
        )
    return {"pretrained": answer}


def _datasets(phase: str, flag: str, default: str) -> dict[str, Any]:
    """Ask for the data of a phase; `none` leaves the phase out."""
    question = f"Data of phase {phase}: pystdlib, pydoc, paths of files as .txt, .jsonl, .csv or .parquet, or {NONE}"
    given = _prompt(question, default, _named)
    return {flag: given} if given else {f"{phase}_tokens": 0}


def _named(answer: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in answer.split(",") if name.strip())
    if names == (NONE,):
        return ()
    find_datasets(names, ())
    return names


def _tokens(phase: str, wishes: Wishes) -> int:
    size = SIZES[wishes.size or "tiny"]
    step_tokens = (wishes.batch_size or size.batch_size) * (wishes.block_size or size.block_size)
    default = {str(name): tokens for name, tokens in budgets(wishes, step_tokens).items()}[phase]
    found: int = _prompt(f"Tokens of phase {phase}", f"{default:_}", _budget)
    return found


def _budget(answer: str) -> int:
    tokens = number(answer)
    if not isinstance(tokens, int) or tokens < 1:
        raise Failure(f"{quote(answer)} is no number of tokens; write 300M, for instance", ExitCode.INVALID)
    return tokens


def _prompt(question: str, default: str, check: Callable[[str], Any]) -> Any:
    """Ask until the answer can be used. Questions go to stderr, since stdout may carry the spec."""

    def usable(answer: str) -> Any:
        try:
            return check(answer)
        except Failure as failure:
            raise click.UsageError(str(failure)) from failure

    return click.prompt(question, default=default, value_proc=usable, err=True)
