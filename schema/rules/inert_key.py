"""A key has no effect, because of another one.

*Why it is bad.* Whoever changes it waits for a difference that never comes.

*Bad*

```yaml
architecture:
  rope: false
  rope_theta: 50000.0
```

*Good*

```yaml
architecture:
  rope: true
  rope_theta: 50000.0
```

A source that no mixture names is an info, as it may be for later; it is a warning where a mixture names nearly the
same.

*Fix.* Remove it, which `--unsafe-fixes` does, or change the other. `--fix` removes what is said elsewhere too, and
never a source. Where tokenizer/name stands without tokenizer/backend, `--unsafe-fixes` writes the backend that has
names; where a mixture names nearly a source, it writes the name of the source there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from schema.budget.deciding import PER_PHASE
from schema.budget.stages import Phase
from schema.check.findings import Unavailable
from schema.document import Document, parse
from schema.document.mixtures import conversations, entries, mixture_keys
from schema.optimizers import load_slots
from schema.rules._field import built
from schema.rules._mixtures import supervises_all
from schema.rules.two_budget_families import check as disagreeing
from schema.text.diagnostic import Diagnostic, Related, Severity, fix
from schema.text.wording import nearest, quote
from schema.tokenizers import ENCODINGS

CODE = "LR009"
SLUG = "inert-key"
SEVERITY = Severity.WARNING


class Inert(NamedTuple):
    """A key without effect, the key that makes it so (empty where nothing that is written does), and why.

    `said_elsewhere` is true where nothing is lost with the key.
    """

    path: str
    cause: str
    why: str
    said_elsewhere: bool = False


def check(document: Document) -> Iterator[Diagnostic]:
    """Go through the keys that another key can switch off, where the user wrote them."""
    unsure = None
    for look in LOOKS:
        try:
            yield from (_diagnostic(document, inert) for inert in look(document) if document.given(inert.path))
        except Unavailable as failed:  # the other looks need other values
            unsure = failed
    try:
        yield from _unused_sources(document)
    except Unavailable as failed:
        unsure = failed
    if unsure:
        raise unsure


def _diagnostic(document: Document, inert: Inert) -> Diagnostic:
    path, cause, why, said_elsewhere = inert
    related = (Related(document.span(cause), "because of this"),) if cause and document.given(cause) else ()
    remedy, written = "remove it", fix(document.edits.remove(parse(path)), safe=said_elsewhere)
    if path == "tokenizer/name" and not document.given("tokenizer/backend"):
        backend = "tiktoken" if document.value(path) in ENCODINGS else "huggingface"
        remedy = f"write tokenizer/backend: {backend}, or remove it"
        written = fix(document.edits.insert(parse("tokenizer/backend"), backend), safe=False)
    where, message = document.span(path), f"{path} has no effect: {why}"
    return Diagnostic(CODE, SLUG, SEVERITY, where, message, remedy, related, written)


def _architecture(document: Document) -> Iterator[Inert]:
    if not document.value("architecture/rope"):
        yield Inert("architecture/rope_theta", "architecture/rope", "architecture/rope is false")


def _tokenizer(document: Document) -> Iterator[Inert]:
    if document.value("tokenizer/backend") == "byte" and document.value("tokenizer/name") is not None:
        default = "" if document.given("tokenizer/backend") else ", which is the default,"
        yield Inert("tokenizer/name", "tokenizer/backend", f"the byte tokenizer{default} has no names")
    if document.value("tokenizer/backend") != "huggingface" and document.value("tokenizer/add_bos") is not None:
        backend = document.value("tokenizer/backend")
        yield Inert("tokenizer/add_bos", "tokenizer/backend", f"the backend {backend} has no beginning-of-text token")


def _unused_sources(document: Document) -> Iterator[Diagnostic]:
    """Sources of datasets that neither a mixture nor an evaluation names."""
    _read_mixtures(document)
    named, sources = list(entries(document)), document.value("data/sources")
    evaluations = document.value("eval/evaluations")
    there = {entry.name for entry in named if entry.dataset and (entry.dataset.source or entry.dataset.store)}
    without = {entry.name for entry in named if document.given(entry.path)} - sources.keys() - there
    for name in sources:
        if not document.given(f"data/sources/{name}") or any(entry.name == name for entry in named):
            continue
        if any(each.startswith(f"{name}_") for each in evaluations):
            continue
        path = f"data/sources/{name}"
        near = [each for each in without if nearest(each, [name]) and not _counted(each, name)]
        if len(near) != 1:
            message, remedy = f"{path} is not used: no mixture names it", "name it in a mixture, or keep it for later"
            yield Diagnostic(CODE, SLUG, Severity.INFO, document.span(path), message, remedy)
            continue
        places = [f"{entry.path}/name" for entry in named if entry.name == near[0]]
        message = f"{path} is not used, and a mixture names {quote(near[0])}, which has no source"
        remedy = f"write {quote(name)} in the mixture, or name the files of {quote(near[0])} in data/sources"
        related = tuple(Related(document.span(place), "named here") for place in places)
        renamed = fix(*(document.edits.replace(parse(place), name) for place in places), safe=False)
        yield Diagnostic(CODE, SLUG, SEVERITY, document.span(path), message, remedy, related, renamed)


def _read_mixtures(document: Document) -> None:
    """Raise Unavailable for an entry that can't be read: it may be the one that is looked for."""
    for key in mixture_keys(document):
        document.value(f"training/{key}")


def _counted(one: str, other: str) -> bool:
    """Whether two names differ in their digits only, such as web1 and web2: no slip, but one thing and the next."""
    return re.sub(r"\d", "", one) == re.sub(r"\d", "", other)


def _data(document: Document) -> Iterator[Inert]:
    """What is for some styles only."""
    _read_mixtures(document)
    named = list(entries(document))
    if named and not any(entry.of_examples or entry.is_contrastive for entry in named):
        yield Inert("data/on_too_long", "", "it is for rows of whole examples, and no dataset has them")
    for entry in named:
        style = entry.values["style"]
        if entry.values["document_mask"] and style != "PMD":
            why = "attention stays within an example" if style == "PACKED" else "a row has one example"
            yield Inert(f"{entry.path}/document_mask", f"{entry.path}/style", f"{why} with {style}", True)


def _origins(document: Document) -> Iterator[Inert]:
    """What is said of a hub dataset, where a source is files, of records, where it is tokens, and the other way."""
    for name in document.value("data/sources"):
        source = f"data/sources/{name}"
        path, hub, tokens = (document.value(f"{source}/{key}") is not None for key in ("path", "hub", "tokens"))
        if path and not (hub or tokens):
            for key in ("config", "split", "streaming"):
                yield Inert(f"{source}/{key}", f"{source}/path", "path names files, and it is for datasets of the hub")
        if (path or hub) and not tokens:
            cause = f"{source}/{'path' if path else 'hub'}"
            yield Inert(f"{source}/dtype", cause, "it is for tokens of another program, and text has no ids yet")
        if tokens and not (path or hub):
            for key in (each for each in document.value(source) if each not in ("path", "hub", "tokens", "dtype")):
                yield Inert(f"{source}/{key}", f"{source}/tokens", "tokens names ids, which are in no record")


def _tokens(document: Document) -> Iterator[Inert]:
    """What counts supervised tokens, where that comes to the same as counting rows or all tokens."""
    _read_mixtures(document)
    named = list(entries(document))
    stages = document.budget.asked if named else ()
    full, everything = supervises_all(named), "all datasets are PMD, which supervises every token"
    if named and full and document.budget.terms.supervised:
        yield Inert("training/budget", "", everything)
    if named and document.budget.terms.by_tokens:
        if all(len(stage.mixture) == 1 for stage in stages):
            yield Inert("data/rates_by", "", "no mixture has two datasets")
        elif full:
            yield Inert("data/rates_by", "", everything)


def _chat(document: Document) -> Iterator[Inert]:
    """How conversations become rows, where no dataset holds any; how documents begin, where all hold conversations."""
    _read_mixtures(document)
    sources = document.value("data/sources")
    every = list(entries(document))
    named = {entry.name for entry in every}
    paired = any(entry.is_contrastive for entry in every)  # whose answers may be messages
    held = {entry.name for entry, _ in conversations(document)}
    if named and held == named:
        why = "all datasets hold conversations, which begin as their chat template says"
        yield Inert("tokenizer/add_bos", "", why)
    elif not held and not paired and named <= sources.keys():
        for key in ("template", "train_on"):
            yield Inert(f"chat/{key}", "", "no dataset holds conversations")


def _budgets(document: Document) -> Iterator[Inert]:
    per_phase = [f"training/{key}" for key in PER_PHASE if document.given(f"training/{key}")]
    if per_phase and not document.budget.one_budget and not any(disagreeing(document)):
        for key in ("training/tokens", "training/dataset"):
            yield Inert(key, per_phase[0], "the budgets and mixtures of the phases decide, and say the same", True)


def _phases(document: Document) -> Iterator[Inert]:
    found = document.budget.phases
    if document.value("training/post_lora_tokens") == [] and not document.budget.has_adapters:
        yield Inert("optimization/lora", "training/post_lora_tokens", "there is no phase lora")
    own = document.value("optimization/lora/lr")
    if document.value("training/pre_lora_tokens") == [] and "full" not in found and own is not None:
        cause, why = "training/pre_lora_tokens", "there is no phase full, and phase lora has optimization/lora/lr"
        yield Inert("optimization/lr", cause, why)


def _optimizers(document: Document) -> Iterator[Inert]:
    """Keys of optimizers that train no phase; raises Unavailable where nobody knows of phase lora."""
    phases: tuple[Phase, ...] = tuple(phase for phase in document.budget.phases if phase != "lora")
    phases += ("lora",) if document.budget.has_adapters else ()
    of_phase = {"full": document.value("optimization/optimizer"), "lora": document.value("optimization/lora/optimizer")}
    read = {section for phase in phases for section in load_slots(of_phase[phase]).SECTIONS}
    for kind in built(("optimization", "optimizer"), document) if phases else ():
        if kind not in read:
            cause = "optimization/optimizer" if "full" in phases else "optimization/lora/optimizer"
            yield Inert(f"optimization/{kind}", cause, f"{kind} trains no phase")
    no_full = document.value("training/pre_lora_tokens") == [] and "full" not in phases
    if no_full and of_phase["full"] != of_phase["lora"]:
        cause, why = "training/pre_lora_tokens", f"there is no phase full, and {of_phase['lora']} trains phase lora"
        yield Inert("optimization/optimizer", cause, why)


def _schedule(document: Document) -> Iterator[Inert]:
    if not document.budget.reads_decay_pct:
        kind = document.value("optimization/schedule")
        yield Inert("training/decay_pct", "optimization/schedule", f"the schedule {kind} does not read it")


def _export(document: Document) -> Iterator[Inert]:
    """What is said of an export that there is not; a run of phase full only has no adapters to write."""
    adapter, adapters = document.value("export/adapter"), document.budget.has_adapters
    if adapter and not adapters:
        yield Inert("export/adapter", "training/post_lora_tokens", "there is no phase lora")
    wanted = document.value("export/merged") or (adapter and adapters)
    gguf, nothing = document.value("export/gguf"), "no folder of weights is exported"
    if not wanted:
        yield Inert("export/dtype", "export/merged", nothing)
    exact = not gguf and (not wanted or document.value("export/dtype") == "float32")
    if document.value("export/accept_lossy") and exact:
        cause, why = ("export/dtype", "float32 loses nothing") if wanted else ("export/merged", nothing)
        yield Inert("export/accept_lossy", cause, why)


LOOKS: tuple[Callable[[Document], Iterator[Inert]], ...] = (
    _architecture,
    _tokenizer,
    _data,
    _tokens,
    _origins,
    _chat,
    _budgets,
    _phases,
    _optimizers,
    _schedule,
    _export,
)
