"""The models of the hub that a spec names, fetched before it is read again with the commits that they are at."""

from __future__ import annotations

from runner.commands.terminal import write
from schema.document import Recorded
from schema.document.hub import hub_name
from schema.lint import Verdict


def fetch_named(verdict: Verdict, recorded: Recorded, *, model: bool = True, weights: bool = False) -> Recorded:
    """Return `recorded` with the commits of the models that a spec names on the hub, which are in the cache then.

    `model` says whether that of architecture/pretrained is needed by a run that keeps its commit, `weights` whether all
    of it. A spec with errors names nothing. Raises Failure as `runner.weights.hub.fetch` does.
    """
    document = verdict.document
    if document is None or verdict.failed:
        return recorded
    pretrained = document.value("architecture/pretrained")
    if not model and pretrained in recorded.pins.values():  # what is left of a run reads none of it
        pretrained = None
    tokenizer = None  # that of a model which is not here is no name of its own
    if document.available("tokenizer/name") and document.value("tokenizer/backend") == "huggingface":
        tokenizer = document.value("tokenizer/name")
    if not any(name and hub_name(name) for name in (pretrained, tokenizer)):
        return recorded
    from runner.weights.hub import pin

    return pin((pretrained, tokenizer), recorded, pretrained if weights else None, _say)


def _say(sentence: str) -> None:
    write(f"lorarun: {sentence}\n", err=True)
