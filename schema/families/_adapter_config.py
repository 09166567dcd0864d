"""adapter_config.json of PEFT → what `optimization/lora` must say for its adapters; reads no file.

A pair A and B on each module, scaled alike, is what phase lora trains. What PEFT knows beyond that is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from schema.families._config import ConfigError, _positive, _truth, _whole
from schema.families._hugging_face import HuggingFace
from schema.families._options import Refusal
from schema.families._parameter import Parameter

# Keys that make another function of the same tensors, with what leaves it alone.
PLAIN: dict[str, tuple[Any, ...]] = {
    "use_dora": (None, False),
    "lora_bias": (None, False),
    "bias": (None, "none"),
    "fan_in_fan_out": (None, False),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "layers_to_transform": (None,),
    "layer_replication": (None,),
    "modules_to_save": (None, []),
    "target_parameters": (None, []),
    "trainable_token_indices": (None,),
    "alora_invocation_tokens": (None, []),
    "use_qalora": (None, False),
    "use_bdlora": (None, False),
    "arrow_config": (None,),
    "kasa_config": (None,),
    "monteclora_config": (None,),
    "velora_config": (None,),
    "megatron_config": (None,),
}
# Ways to begin that leave the base as it is; others, such as pissa, take a part of it into the adapters.
BEGINNINGS = (None, True, False, "gaussian", "eva", "orthogonal")


class AdapterConfig(NamedTuple):
    """What an adapter_config.json says. `targets` are ends of names of modules; empty where only its tensors tell."""

    rank: int
    alpha: float
    scaling: Literal["standard", "rslora"]
    targets: tuple[str, ...]


def adapters_of(config: Mapping[str, Any]) -> AdapterConfig:
    """Read an adapter_config.json. Raises ConfigError, naming what phase lora does not have, or a bad value."""
    if config.get("peft_type") != "LORA":
        raise ConfigError(f"peft_type is {config.get('peft_type')!r}, and LORA is wanted")
    for name, plain in PLAIN.items():
        if config.get(name) not in plain:
            raise ConfigError(f"{name} is {config[name]!r}, which phase lora does not have")
    if config.get("init_lora_weights", True) not in BEGINNINGS:
        raise ConfigError(f"init_lora_weights is {config['init_lora_weights']!r}, which changes the base too")
    scaling: Literal["standard", "rslora"] = "rslora" if _truth(config, "use_rslora", False) else "standard"
    return AdapterConfig(_whole(config, "r", None), _positive(config, "lora_alpha", None), scaling, _targets(config))


def adapter_refusals(
    found: AdapterConfig, lora: Any, files: HuggingFace, own: Sequence[Parameter], every: Sequence[Parameter]
) -> Iterator[Refusal]:
    """Yield the keys of `optimization/lora`, the section `lora`, by which it can't begin with the adapters `found`.

    `own` are the parameters among `every` that its targets match.
    """
    for key in ("rank", "alpha", "scaling"):
        theirs, ours = getattr(found, key), getattr(lora, key)
        if theirs != ours:
            yield Refusal(
                key, f"{key} is {_written(ours)} here and {_written(theirs)} there", f"write {_written(theirs)}"
            )
    matrices = [parameter for parameter in every if parameter.matrix is not None]
    meant = [each for each in matrices if _is_target(files.row(each.path).name, found.targets)]
    if found.targets and {each.path for each in meant} != {each.path for each in own}:
        here, there = (", ".join(_module(each) for each in group) or "nothing" for group in (own, meant))
        reason = f"target_modules match {here} here, and {there} there"
        yield Refusal("target_modules", reason, f"write [{there}]" if meant else "name another adapter")


def _targets(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The ends of names that are adapted; empty for a pattern, and for single layers, of which the tensors tell."""
    targets = config.get("target_modules")
    if not isinstance(targets, list) or config.get("exclude_modules"):
        return ()
    names = tuple(str(name) for name in targets)
    return () if any(part.isdigit() for name in names for part in name.split(".")) else names


def _is_target(module: str, targets: Sequence[str]) -> bool:
    return any(module == target or module.endswith(f".{target}") for target in targets)


def _module(parameter: Parameter) -> str:
    """q_proj of blocks/attn/q_proj/kernel, wte of wte/embedding."""
    return parameter.path.split("/")[-2]


def _written(value: Any) -> str:
    return str(value).removesuffix(".0")
