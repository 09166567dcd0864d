"""What several rules ask about the parameters that adapters sit on, and how they name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schema.budget.stages import DATASET_KEY, TOKENS_KEY
from schema.check.findings import Unavailable
from schema.document import Document
from schema.families import Parameter, Role, adapted, parameters, shape_is_whole

TARGETS = "optimization/lora/target_modules"
HIGH_RANK = 64  # from which on LR313 judges the scale
ROLES: dict[Role, str] = {
    "embedding": "the embedding",
    "positions": "the embedding of positions",
    "blocks": "projections of the blocks",
    "head": "the output head",
}

# Keys of architecture that decide neither names nor shapes of parameters, and those that decide shapes alone.
NO_SHAPE = ("dropout", "dtype", "norm_eps", "remat", "rope_scaling", "rope_theta")
SHAPE = ("n_layers", "n_embd", "n_head", "n_kv_head", "head_dim", "intermediate_size", "vocab_size", "block_size")


def trained(document: Document) -> bool:
    """Whether the run has a phase lora; one of its two lists is enough to say so."""
    if document.budget.one_budget:
        return False
    lists = (f"training/{family['lora']}" for family in (TOKENS_KEY, DATASET_KEY))
    known = [path for path in lists if document.listed(path)]
    return document.length(known[0] if known else "training/post_lora_tokens") > 0


def named(document: Document) -> tuple[Parameter, ...]:
    """Return the parameters of the model with their names; shapes may be those of defaults where a key failed."""
    return parameters(document.view("architecture", (*NO_SHAPE, *SHAPE)))


def shaped(document: Document) -> tuple[Parameter, ...]:
    """Return the parameters of the model; raise Unavailable where heads don't divide, so that shapes mean nothing."""
    has_length = not document.available("architecture/rope") or not document.value("architecture/rope")
    architecture = document.view("architecture", NO_SHAPE if has_length else (*NO_SHAPE, "block_size"))
    if not shape_is_whole(architecture):
        raise Unavailable("architecture/n_head")
    return parameters(architecture)


def written_targets(document: Document) -> Iterator[tuple[str, str]]:
    """Yield path and text of every target that the user wrote."""
    if document.given(TARGETS):
        targets = document.value(TARGETS)
        yield from ((f"{TARGETS}[{index}]", target) for index, target in enumerate(targets))


def matrices(every: Sequence[Parameter], *targets: str) -> list[Parameter]:
    """The parameters that get an adapter when these are the targets."""
    return adapted(every, targets)


def roles(found: Sequence[Parameter]) -> list[str]:
    """Say what these matrices do in the model, each role once."""
    return list(dict.fromkeys(ROLES[parameter.role] for parameter in found))


def parts(every: Sequence[Parameter], found: Sequence[Parameter]) -> list[str]:
    """Name these matrices by targets that match nothing else: attn where all of attn is among them, else q_proj."""
    whole: dict[str, list[str]] = {}
    for parameter in matrices(every, ""):
        whole.setdefault(_module(parameter), []).append(_name(parameter))
    named: dict[str, list[str]] = {}
    for parameter in found:
        named.setdefault(_module(parameter), []).append(_name(parameter))
    return [part for module, names in named.items() for part in ([module] if names == whole[module] else names)]


def _module(parameter: Parameter) -> str:
    """attn of blocks/attn/q_proj/kernel, wte of wte/embedding."""
    return parameter.path.removeprefix("blocks/").partition("/")[0]


def _name(parameter: Parameter) -> str:
    """q_proj of blocks/attn/q_proj/kernel, wte of wte/embedding."""
    return parameter.path.split("/")[-2]
