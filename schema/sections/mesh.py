"""mesh: how devices are arranged; batch rows are spread over data × fsdp."""

from __future__ import annotations

from typing import Annotated

from schema.section import NOT_ZERO, Section, key

Axis = Annotated[int, NOT_ZERO]


class Mesh(Section):
    """mesh: the product of the axes is the number of devices; one axis may be -1, all that remain."""

    data: Axis = key(-1, "Replicas of the model.", unit="devices", never=0, ge=-1, change="free without dropout")
    fsdp: Axis = key(
        1,
        "Devices over which parameters and their rows are split.",
        unit="devices",
        never=0,
        ge=-1,
        change="free without dropout",
    )
    tensor: Axis = key(
        1,
        "Devices over which heads, feed-forward width and vocabulary are split.",
        unit="devices",
        never=0,
        ge=-1,
        change="free without dropout",
    )
