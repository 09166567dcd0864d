"""A spec to start from: every key that decides, written out and commented, with the rest left to its defaults.

Numbers that belong together (steps, shares, intervals, ranks) are chosen so that the linter has nothing to say about
them. Files are read and written elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from schema.budget.stages import DATASET_KEY, TOKENS_KEY, Phase, Plain, nearest_steps
from schema.check.findings import Json
from schema.check.tree import hydrate
from schema.docs.keys import declared_keys, every_key
from schema.document import attributes, load_schema
from schema.families import parameters
from schema.text.scalars import written
from schema.text.wording import count

TARGETS = ("attn", "mlp")
RANK = 16
FEWEST_STEPS = 40  # of a phase, if a smaller batch can bring them about
VALIDATION_BATCHES = 4  # rows of each dataset that a validation scores, in batches
VALIDATION_SHARE = Fraction(1, 5)  # of the time that training takes
MOST_VALIDATIONS = 500
# With fewer steps than the first number, the shares of warm-up and decay are these.
SHARES = ((20, 0.1, 0.2), (200, 0.05, 0.2), (None, 0.01, 0.1))

ABOVE = "above "  # marks a note that stands on the line above its key
IGNORED = "lorarun: ignore[machine-dependent-value]: only this machine has it"


@dataclass(frozen=True, slots=True)
class Size:
    """A model that is known to train well with this batch, this peak rate and about these budgets."""

    n_layers: int
    n_embd: int
    n_head: int
    block_size: int
    batch_size: int
    lr: float
    full_tokens: int
    lora_tokens: int


# About 20 tokens a parameter in phase full; `tiny` takes minutes on two CPU cores and shows how everything works.
SIZES = {
    "tiny": Size(4, 128, 4, 256, 16, 2e-3, 655_360, 245_760),
    "small": Size(12, 768, 12, 512, 512, 6e-4, 2_500_000_000, 250_000_000),
    "medium": Size(24, 1024, 16, 1024, 512, 3e-4, 7_000_000_000, 700_000_000),
    "large": Size(36, 1280, 20, 1024, 512, 2.5e-4, 15_000_000_000, 1_500_000_000),
}


class FineTuned(NamedTuple):
    """Rows, tokens of a row, and peak rate of phase full for a model of others; adapters take ten times the rate."""

    batch_size: int
    block_size: int
    lr: float


FINE_TUNED = FineTuned(16, 512, 2e-5)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of a mixture; `source` are the keys of its entry in data/sources, if it is made of files.

    `elsewhere` says that its path means nothing on another machine.
    """

    name: str
    style: str
    source: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Starter:
    """What a starter spec is made of; a phase without datasets is left out.

    `architecture` and `tokenizer` are the written keys of these sections, `tokens` and `datasets` go by phase. A batch
    that is not `fixed` may shrink where a budget gives few steps. `adopted` are keys of architecture that the model's
    config.json decides. `elsewhere` says that the path of what it starts from means nothing on another machine.
    """

    schema: str
    name: str
    architecture: Json
    tokenizer: Json
    batch_size: int
    lr: float
    tokens: Mapping[Phase, int]
    datasets: Mapping[Phase, Sequence[Dataset]]
    rank: int | None = None
    fixed: bool = False
    elsewhere: bool = False
    adopted: Json = field(default_factory=dict)

    @property
    def phases(self) -> list[Phase]:
        """The phases of the run."""
        return [phase for phase in TOKENS_KEY if self.datasets.get(phase)]

    @property
    def block_size(self) -> int:
        """Tokens of a row."""
        return int(self.architecture["block_size"])


def starter_text(starter: Starter) -> str:
    """Return the text of the spec."""
    batch = _batch(starter)
    taken = Plain(batch * starter.block_size).taken
    steps = {phase: max(1, nearest_steps(taken, starter.tokens[phase])) for phase in starter.phases}
    docs = {place: key.doc for key in every_key(declared_keys(load_schema())) for place in key.places}
    notes = docs | _notes(starter, batch, steps)
    sections = [
        "".join(f"{line}\n" for line in _lines({name: value}, notes, ""))
        for name, value in _values(starter, batch, steps).items()
        if value
    ]
    return "\n".join([_head(starter) + sections[0], *sections[1:]])


def _batch(starter: Starter) -> int:
    """Rows of a step: as asked, or fewer where a phase would have few steps."""
    batch = starter.batch_size
    tokens = min((starter.tokens[phase] for phase in starter.phases), default=0)
    while batch > 1 and not starter.fixed and tokens < FEWEST_STEPS * batch * starter.block_size:
        batch //= 2
    return batch


def _values(starter: Starter, batch: int, steps: Mapping[Phase, int]) -> Json:
    """The keys that are written, nested as in YAML."""
    step_tokens = batch * starter.block_size
    warmup, decay = next(shares for most, *shares in SHARES if most is None or min(steps.values(), default=0) < most)
    training: Json = {
        "batch_size": batch,
        "warmup_pct": warmup,
        "decay_pct": decay,
        "validation_steps": VALIDATION_BATCHES * batch,
    }
    for phase, key in TOKENS_KEY.items():
        training[key] = [steps[phase] * step_tokens] if phase in steps else []
        training[DATASET_KEY[phase]] = [_mixture(starter.datasets[phase])] if phase in steps else []
    named = {dataset.name: dict(dataset.source) for phase in steps for dataset in starter.datasets[phase]}
    return {
        "architecture": starter.architecture,
        "tokenizer": starter.tokenizer,
        "data": {"sources": sources} if (sources := {name: keys for name, keys in named.items() if keys}) else {},
        "training": training,
        "optimization": ({"lr": starter.lr} if "full" in steps else {})
        | ({"lora": _lora(starter)} if "lora" in steps else {}),
        "logging": _intervals(starter, steps),
    }


def _mixture(datasets: Sequence[Dataset]) -> list[Json]:
    """Equal shares; the last dataset takes what rounding leaves, so that they add up to 1 exactly."""
    share = Fraction(1_000_000 // len(datasets), 1_000_000)
    rates = [*[share] * (len(datasets) - 1), 1 - share * (len(datasets) - 1)]
    return [
        {"name": each.name, "rate": float(rate), "style": each.style}
        for each, rate in zip(datasets, rates, strict=True)
    ]


def _lora(starter: Starter) -> Json:
    """Adapters on all projections of the blocks, smaller than each of them, at a multiple of phase full's rate."""
    matrices = [each.matrix for each in parameters(_shape(starter)) if each.matrix and each.role == "blocks"]
    largest = min((inputs * outputs - 1) // (inputs + outputs) for inputs, outputs in matrices)
    rank = starter.rank or max(1, min(RANK, largest))
    faster = 10 if starter.adopted else 2  # LR407 says why, of models of others
    rate = min(float(faster * Fraction(str(starter.lr))), 1e-2)
    return {"rank": rank, "alpha": 2 * rank, "target_modules": [*TARGETS], "lr": rate}


def _shape(starter: Starter) -> Any:
    """The architecture with its defaults."""
    schema, written_keys = load_schema(), {**starter.adopted, **starter.architecture}
    return attributes(hydrate({"architecture": written_keys}, schema)["architecture"])


def _intervals(starter: Starter, steps: Mapping[Phase, int]) -> Json:
    """How often to report, to save and to validate: in phase lora too, and not so often that it costs much."""
    total = sum(steps.values())
    datasets = len({(each.name, each.style) for phase in steps for each in starter.datasets[phase]})
    often = min(total // 5, max(total // 50, 50), steps.get("lora", total) // 2)
    interval: int | str = "never"
    for most in (often, steps.get("lora", total)):
        validations = datasets * (total // _round(most) + len(steps)) if most else 0
        # A forward pass is a third of a step of phase full, and half of one of phase lora.
        trained = 3 * steps.get("full", 0) + 2 * steps.get("lora", 0)
        affordable = VALIDATION_BATCHES * validations <= VALIDATION_SHARE * trained
        if 0 < validations <= MOST_VALIDATIONS and affordable:
            interval = _round(most)
            break
    return {
        "report_interval": min(32, _round(max(1, total // 20))),
        "checkpoint_interval": _round(max(1, total // 5)),
        "validation_interval": interval,
    }


def _round(steps: int) -> int:
    """The largest of 1, 2, 5, 10, 20, 50 … that is not larger."""
    power = int("1" + "0" * (len(str(steps)) - 1))
    return max(first * power for first in (1, 2, 5) if first * power <= steps)


def _notes(starter: Starter, batch: int, steps: Mapping[Phase, int]) -> dict[str, str]:
    """What is said of a key in place of its documentation."""
    step_tokens, notes = batch * starter.block_size, {}
    for phase, planned in steps.items():
        asked, key = starter.tokens[phase], TOKENS_KEY[phase]
        nearest = f", the nearest to {asked:,}" if asked != planned * step_tokens else ""
        notes[f"training/{key}"] = f"{count(planned, 'step')} of {batch} × {starter.block_size} tokens{nearest}"
    for phase in TOKENS_KEY:
        if phase not in steps:
            notes[f"training/{TOKENS_KEY[phase]}"] = f"there is no phase {phase}"
    for dataset in (each for phase in steps for each in starter.datasets[phase]):
        if dataset.elsewhere:
            notes[f"{ABOVE}data/sources/{dataset.name}"] = IGNORED
        if len(dataset.source) > 1:
            notes[f"data/sources/{dataset.name}"] = "the fields of its first record"
    if starter.elsewhere:
        notes[f"{ABOVE}architecture/pretrained"] = IGNORED
    return notes


def _head(starter: Starter) -> str:
    """Say what the spec is and which commands come next."""
    found = sum(parameter.size for parameter in parameters(_shape(starter)))
    words = {"full": "phase full on {}", "lora": "adapters on {}"}
    parts = [words[phase].format(", ".join(each.name for each in starter.datasets[phase])) for phase in starter.phases]
    unnamed = "full" not in starter.phases and "pretrained" not in starter.architecture
    return (
        f"# yaml-language-server: $schema={starter.schema}\n"
        f"# A model of {found / 10**6:,.3g} M parameters: {', then '.join(parts)}.\n#\n"
        f"# Check: lorarun validate {starter.name}\n"
        f"# Plan:  lorarun plan {starter.name}\n"
        f"# Run:   lorarun exec {starter.name}{' --restore RUN' if unnamed else ''}\n"
        "# Other keys have their defaults; `lorarun explain SECTION` lists them.\n"
    )


def _lines(values: Json, notes: Mapping[str, str], above: str) -> Iterator[str]:
    """Write nested keys as YAML, each with its note."""
    pad = "  " * (above.count("/") + 1 if above else 0)
    for name, value in values.items():
        path = f"{above}/{name}" if above else name
        if f"{ABOVE}{path}" in notes:
            yield f"{pad}# {notes[f'{ABOVE}{path}']}"
        note = f" # {notes[path].removesuffix('.')}" if path in notes else ""
        if isinstance(value, dict) and above != "data/sources":
            yield f"{pad}{name}:{note}"
            yield from _lines(value, notes, path)
        elif value and path.endswith("_dataset"):
            yield f"{pad}{name}:{note}"
            starts = ("- - ", *["  - "] * (len(value[0]) - 1))
            yield from (f"{pad}{start}{written(entry)}" for start, entry in zip(starts, value[0], strict=True))
        else:
            yield f"{pad}{written(name)}: {written(value)}{note}"
