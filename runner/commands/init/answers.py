"""What flags and answers ask of a starter spec, and the starter that comes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import click

from runner.commands.init.datasets import find_datasets, portable
from runner.data.sources import BUILTIN
from runner.failure import ExitCode, Failure
from runner.run.identity import spec_of
from runner.run.layout import checkpoints_of
from runner.weights.huggingface import HuggingFaceWeights
from schema.budget.stages import Phase
from schema.check.findings import Json
from schema.check.tree import hydrate
from schema.document import SCHEMA_FILE, load_schema
from schema.document.hub import hub_name, located
from schema.document.pretrained import CONFIG
from schema.starter import FEWEST_STEPS, FINE_TUNED, SIZES, Starter
from schema.text.wording import join, nearest, quote
from schema.tokenizers import VOCABULARY, token_ids

ALIGNED = 64  # rows of the embedding come in multiples of this
HEAD = 64  # features of a head, where nobody says
SHAPE = ("n_layers", "n_embd", "n_head", "block_size", "vocab_size")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What flags and answers ask for; None and empty where they don't say."""

    family: str | None = None
    pretrained: str | None = None
    size: str | None = None
    n_layers: int | None = None
    n_embd: int | None = None
    n_head: int | None = None
    block_size: int | None = None
    batch_size: int | None = None
    tokenizer: str | None = None
    rank: int | None = None
    data: tuple[str, ...] = ()
    lora_data: tuple[str, ...] = ()
    full_tokens: int | None = None
    lora_tokens: int | None = None

    @property
    def full(self) -> bool:
        """Whether there is a phase full; who starts from a run has one only if a flag speaks of it."""
        return self.full_tokens != 0 and bool(not self.pretrained or self.data or self.full_tokens)

    @property
    def lora(self) -> bool:
        """Whether there is a phase lora."""
        return self.lora_tokens != 0

    @property
    def default_lora_data(self) -> tuple[str, ...]:
        """Data of phase lora where nobody names any: that of phase full, or the built-in one for adapters."""
        return self.data if set(self.data) - BUILTIN.keys() else ("pydoc",)


class _Model(NamedTuple):
    """The sections of a model, and how it is best trained; `elsewhere` as for a dataset.

    `adopted` are the keys of architecture that its config.json decides.
    """

    architecture: Json
    tokenizer: Json
    batch_size: int
    lr: float
    elsewhere: bool = False
    adopted: Mapping[str, Any] = MappingProxyType({})


def make_starter(wishes: Wishes, file: str) -> Starter:
    """Return what a spec in `file` is made of.

    Raises click.UsageError for flags that contradict each other, Failure INVALID for what does not exist.
    """
    _check_usage(wishes)
    if not wishes.pretrained:
        model = _new_model(wishes)
    else:
        model = _model_of_folder(wishes.pretrained, wishes.block_size) or _model_of_run(wishes.pretrained)
    batch = wishes.batch_size or model.batch_size
    full_names = (wishes.data or ("pystdlib",)) if wishes.full else ()
    lora_names = (wishes.lora_data or wishes.default_lora_data) if wishes.lora else ()
    full, lora = find_datasets(full_names, lora_names)
    conversations = next((each for each in (*full, *lora) if {"messages", "instruction"} & each.source.keys()), None)
    if conversations and model.tokenizer["backend"] != "huggingface":
        raise Failure(
            f"{quote(conversations.source['path'])} holds conversations, which need the tokenizer of a Hugging Face "
            "model; name the folder of one with --pretrained",
            ExitCode.INVALID,
        )
    return Starter(
        schema=_reference(Path(file).parent),
        name=file,
        architecture=model.architecture,
        tokenizer=model.tokenizer,
        batch_size=batch,
        lr=model.lr,
        tokens=budgets(wishes, batch * model.architecture["block_size"]),
        datasets={"full": full, "lora": lora},
        rank=wishes.rank,
        fixed=wishes.batch_size is not None,
        elsewhere=model.elsewhere,
        adopted=dict(model.adopted),
    )


def budgets(wishes: Wishes, step_tokens: int) -> dict[Phase, int]:
    """Return the tokens of both phases; of a budget that was asked for, adapters get a tenth, or a few steps."""
    size = SIZES[wishes.size or "tiny"]
    full = wishes.full_tokens or size.full_tokens
    tenth = size.lora_tokens if full == size.full_tokens else max(full // 10, FEWEST_STEPS * step_tokens)
    return {"full": full, "lora": wishes.lora_tokens or tenth}


def choice(flag: str, given: str, choices: list[str]) -> str:
    """Return a choice that exists; raise click.UsageError with the nearest one otherwise."""
    if given in choices:
        return given
    raise click.UsageError(f"{flag} can't be {quote(given)}; write {join(nearest(given, choices) or choices, 'or')}")


def _check_usage(wishes: Wishes) -> None:
    """Refuse flags that contradict each other or would do nothing."""
    is_folder = bool(wishes.pretrained) and is_model(str(wishes.pretrained))
    model = ("family", "size", "n_layers", "n_embd", "n_head", *(() if is_folder else ("block_size",)), "tokenizer")
    given = [name for name in model if getattr(wishes, name) is not None]
    if wishes.pretrained and given:
        flag, whose = given[0].replace("_", "-"), "model" if is_folder else "run"
        raise click.UsageError(f"--{flag} is that of the {whose} which --pretrained names; leave one of the two out")
    if wishes.data and wishes.full_tokens == 0:
        raise click.UsageError("--data is for phase full, which --full-tokens 0 leaves out")
    if wishes.lora_tokens == 0 and (wishes.lora_data or wishes.rank):
        flag = "--lora-data" if wishes.lora_data else "--rank"
        raise click.UsageError(f"{flag} is for phase lora, which --lora-tokens 0 leaves out")
    if not wishes.full and not wishes.lora:
        raise click.UsageError("a run needs a phase: give --full-tokens or --lora-tokens a budget")


def _new_model(wishes: Wishes) -> _Model:
    """The model of a size, changed as flags say."""
    size = SIZES[wishes.size or "tiny"]
    families = load_schema()["$defs"]["Architecture"]["properties"]["family"]
    family = choice("--family", wishes.family or families["default"], families.get("enum", [families.get("const")]))
    names = {"byte": ("byte", None)} | {str(name): (backend, name) for backend, name in VOCABULARY if name}
    backend, name = names[choice("--tokenizer", wishes.tokenizer or "byte", [*names])]
    width = wishes.n_embd or size.n_embd
    architecture: Json = {
        "family": family,
        "n_layers": wishes.n_layers or size.n_layers,
        "n_embd": width,
        "n_head": wishes.n_head or (_heads(width) if wishes.n_embd else size.n_head),
        "block_size": wishes.block_size or size.block_size,
        "vocab_size": -(-token_ids(backend, name) // ALIGNED) * ALIGNED,
    }
    if wishes.size in (None, "tiny"):
        architecture["dtype"] = {"activation": "float32"}  # the fastest type on a CPU
    tokenizer = {"backend": backend} | ({"name": name} if name else {})
    return _Model(architecture, tokenizer, size.batch_size, size.lr)


def _heads(width: int) -> int:
    """Heads of about 64 features each: of an even number, as rotary positions need."""
    fitting = [heads for heads in range(1, width + 1) if width % heads == 0 and width // heads % 2 == 0]
    return min(fitting, key=lambda heads: abs(width // heads - HEAD), default=1)


def is_model(given: str) -> bool:
    """Whether this is the folder of a Hugging Face model, or a model in the cache of the hub."""
    path = portable(given)[0] if hub_name(given) is None else given
    return (located(path) / CONFIG).is_file()


def _model_of_folder(given: str, block_size: int | None) -> _Model | None:
    """The model of a Hugging Face folder with its tokenizer; None where it is no such folder.

    Raises Failure INVALID for a model that no family holds.
    """
    path, elsewhere = portable(given) if hub_name(given) is None else (given, False)
    weights = HuggingFaceWeights.find(located(path))
    if weights is None:
        return None
    adopted, longest = weights.describe(), weights.origin()[CONFIG].get("max_position_embeddings")
    reach = min(FINE_TUNED.block_size, longest) if isinstance(longest, int) and longest > 0 else FINE_TUNED.block_size
    return _Model(
        {"pretrained": path, "block_size": block_size or reach},
        {"backend": "huggingface", "name": path},
        FINE_TUNED.batch_size,
        FINE_TUNED.lr,
        elsewhere,
        adopted,
    )


def _model_of_run(given: str) -> _Model:
    """The model and the tokenizer of a run, as far as they differ from defaults, and its batch and rate."""
    path, elsewhere = portable(given)
    found = checkpoints_of(Path(path))
    if not found:
        on_hub = hub_name(given)
        message = f"there is no run and no checkpoint in {quote(path)}; --pretrained names the folder of a run or model"
        message += f", or a model that is in the cache of the hub: {on_hub.command}" if on_hub else ""
        raise Failure(message, ExitCode.INVALID)
    spec = spec_of(found[0].parent.parent)
    schema = load_schema()
    defaults = hydrate({}, schema)
    architecture = _differing(spec["architecture"], defaults["architecture"], SHAPE)
    architecture.pop("pretrained", None)
    return _Model(
        {"pretrained": path, **architecture},
        _differing(spec["tokenizer"], defaults["tokenizer"], ("backend",)),
        spec["training"]["batch_size"],
        spec["optimization"]["lr"],
        elsewhere,
    )


def _differing(section: Json, defaults: Json, always: tuple[str, ...] = ()) -> Json:
    """The keys of a section that are not at their defaults, and some that are written always."""
    found: dict[str, Any] = {}
    for name, value in section.items():
        inner = _differing(value, defaults[name]) if isinstance(value, dict) and name in defaults else value
        if inner != {} and (name in always or value != defaults.get(name)):
            found[name] = inner
    return found


def _reference(folder: Path) -> str:
    """How a spec in a folder names the JSON Schema: by a relative path where both lie below the folder here."""
    folder, here = folder.absolute(), Path.cwd()
    if SCHEMA_FILE.is_relative_to(here) and folder.is_relative_to(here):
        relative = Path(os.path.relpath(SCHEMA_FILE, folder)).as_posix()
        if not any(letter.isspace() for letter in relative):
            return relative
    return SCHEMA_FILE.as_uri()
