"""Whether weights of one architecture can be those of another: what differs, key by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from schema.document.attributes import attributes
from schema.environment import Change
from schema.families import options_of, shape_is_whole

# Keys of architecture that change neither shapes nor the function that trained weights compute.
HARMLESS = ("pretrained", "dropout", "remat", "dtype")
UNSET = ("n_kv_head", "head_dim", "intermediate_size", "attention_bias", "mlp_bias", "norm_eps")  # may be null


def other_architecture(theirs: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the keys of `architecture` by which weights of one can't be those of the other.

    A key that is unset means what its family makes of it.
    """
    there, here = _resolved(theirs, own), _resolved(own, own)
    return tuple(
        Change(f"architecture/{name}", json.dumps(there[name]), json.dumps(here.get(name)))
        for name, value in theirs.items()
        if name not in HARMLESS and there[name] != here.get(name) and (value, own.get(name)) != (None, None)
    )


def _resolved(architecture: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """An architecture in which unset keys have the values that its family gives them, where heads divide.

    `whole` has the keys that the architecture does not know.
    """
    section = attributes({**whole, **architecture})
    if not shape_is_whole(section):
        return dict(architecture)
    options = options_of(section)
    known = {name: getattr(options, name) for name in UNSET} | {"bias": options.norm == "layer"}
    return {name: known.get(name) if value is None else value for name, value in architecture.items()}
