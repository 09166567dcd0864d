"""What a plan says of the weights that its spec names; none of them is read."""

from __future__ import annotations

from runner.run.identity import refuse_other_architecture
from runner.weights import find_weights
from schema.document import Pretrained
from schema.document.hub import hub_name, located
from schema.spec import Spec


def check_pretrained(spec: Spec, model: Pretrained | None) -> str | None:
    """Compare what a spec says of its architecture with the weights that it names; a remark where they are not here.

    `model` is what its document knows of them, None for a run. Raises Failure INVALID where that has another
    architecture, naming the keys.
    """
    named = spec.architecture.pretrained
    if named is None:
        return None
    if model and model.is_here and not model.is_recorded:
        found = hub_name(named)
        if found and not found.is_pinned:
            return f"{named} is commit {located(named).name} in the cache of the hub; exec looks again"
        return None
    source = find_weights(located(named))
    if source is None:
        whose = "is that which the run recorded" if model and model.is_recorded else "is shown as the spec writes it"
        return f"architecture/pretrained {named} is not here: the architecture {whose}"
    refuse_other_architecture(named, source.describe(), spec.architecture.model_dump(mode="json"))
    return None
