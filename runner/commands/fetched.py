"""What a spec names on the hub: models are fetched, datasets asked for, before it is read again with their commits."""

from __future__ import annotations

from runner.commands.terminal import write
from schema.document import Recorded
from schema.document.hub import hub_name, written_name
from schema.document.hub_sources import pin_of
from schema.document.mixtures import entries
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


def pin_data(verdict: Verdict, recorded: Recorded) -> Recorded:
    """Return `recorded` with the commits of the hub datasets that the mixtures of a spec name.

    Those that a run recorded stay what they are; where the hub can't be reached, that of the token store does. A spec
    with errors names nothing. Raises Failure as `HubData.pinned` does.
    """
    document = verdict.document
    if document is None or verdict.failed:
        return recorded
    pins, root = dict(recorded.pins), document.value("data/root")
    for entry in entries(document):
        source = document.value("data/sources").get(entry.name, {})
        name = written_name(source.get("hub") or "")
        if name is None or name.is_pinned or pin_of(source) in pins:
            continue
        from runner.data.sources import origin_of, settled
        from runner.data.sources.hub import open_hub
        from schema.sections.data import Source

        keys = document.given_values()["data"]["sources"][entry.name]
        found = settled(open_hub(entry.name, Source(**keys)), root, entry.values["suffix"])
        if found is None:  # a store of the user's own, of that name
            continue
        pins[pin_of(source)] = origin_of(found)
        _say(f"{name.model}: revision {name.revision} is commit {origin_of(found).rpartition('@')[2]}")
    return recorded._replace(pins=pins)


def _say(sentence: str) -> None:
    write(f"lorarun: {sentence}\n", err=True)
