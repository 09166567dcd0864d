"""What a plan says of the weights that its spec names; none of them is read."""

from __future__ import annotations

from runner.failure import ExitCode, Failure
from runner.run.identity import refuse_other_architecture
from runner.weights import find_weights
from schema.document import Document
from schema.document.document import SHAPE
from schema.document.hub import hub_name, located
from schema.spec import Spec
from schema.text.wording import join

DECIDED = (*(f"architecture/{key}" for key in SHAPE), "tokenizer/backend")  # by a model's folder, where not written


def check_pretrained(spec: Spec, document: Document) -> str | None:
    """Compare what a spec says of its architecture with the weights that it names; a remark where they are not here.

    `document` is that of the spec. Raises Failure INVALID where a run has another architecture, naming the keys, and
    where what is not here decides the plan.
    """
    named, model = spec.architecture.pretrained, document.pretrained
    if named is None:
        return None
    if unknown := [key for key in DECIDED if not document.available(key)]:
        remedy = "fetch it with plan --env" if hub_name(named) else "plan where it is"
        raise Failure(
            f"architecture/pretrained {named} is not here, and the plan hangs on it; {remedy}, or write "
            f"{join(unknown, 'and')}",
            ExitCode.INVALID,
        )
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
