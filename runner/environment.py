"""The facts of this machine that the linter's rules may know: devices, disk, data, the run that would start.

Reads, and writes nothing; neither jax nor numpy is loaded, so the caller passes the devices.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.data.gguf_vocabulary import survey_gguf
from runner.data.planned import draw_stage, known_store
from runner.data.stores.meta import read_meta
from runner.data.tokenizer_files import read_tokenizer_files
from runner.failure import Failure
from runner.metrics.wandb import survey_wandb
from runner.run.identity import identity
from runner.run.inspect import inspect_run_dir
from runner.run.layout import default_run_dir, is_run
from runner.weights import find_weights
from runner.weights.absent import why_absent
from schema.budget.budget import budget_of
from schema.check.findings import Unavailable
from schema.document import Document, other_architecture
from schema.document.hub import hub_name, located
from schema.document.mixtures import conversations
from schema.environment import Dataset, Environment, Obstacle, Run, Start, TokenizerFacts
from schema.rules.conversations_not_padded import ALL
from schema.sections.chat import Chat
from schema.spec import Spec

if TYPE_CHECKING:  # every kind of source, which a plan of a spec seldom needs
    from runner.data.survey import Fingerprints


def survey(
    *,
    devices: int | None = None,
    device_bytes: int | None = None,
    platform: str = "gpu",
    run_dir: Path | None = None,
    restore: Path | None = None,
) -> Callable[[Document], Environment]:
    """Return what looks the facts up for each spec that a lint has read; the arguments are those of `exec`.

    `device_bytes` is the memory of one device, `platform` what it is: cpu, gpu or tpu. Without `run_dir` a spec's is
    that of `exec`, runs/NAME. Looking up raises Failure STORAGE where a run directory or a store is damaged.
    """
    fingerprints: Fingerprints = {}  # of sources, kept for the specs and fixes to come

    def look(document: Document) -> Environment:
        if not document.readable:
            return Environment()
        folder = run_dir or default_run_dir(document.start.origin.name)
        start = _starting_point(document, restore)
        run = _run(document, folder, restore)
        reading = survey_reading(document)
        datasets, known = _survey_datasets(document, reading, fingerprints)
        return Environment(
            restore=restore is not None,
            devices=devices,
            device_bytes=device_bytes,
            platform=platform,
            free_bytes=free_bytes(folder),
            datasets=datasets,
            known=tuple(known),
            draw=draw_stage,
            tokenizer=reading.tokenizer,
            chat=reading.obstacle,
            gguf=survey_gguf(document, reading.tokenizer),
            wandb=survey_wandb(document),
            start=_start(document, start, restore) if start and not _has_started(folder) else None,
            run=run,
        )

    return look


def survey_data(document: Document) -> Environment:
    """Return what this machine knows of the datasets and the tokenizer of a spec, whatever would train it, or has.

    Raises Failure STORAGE where a store is damaged.
    """
    if not document.readable:
        return Environment()
    reading = survey_reading(document)
    datasets, known = _survey_datasets(document, reading, {})
    facts = Environment(datasets=datasets, known=tuple(known), tokenizer=reading.tokenizer, chat=reading.obstacle)
    return facts._replace(draw=draw_stage)


def deciding_stores(document: Document) -> Mapping[tuple[str, str], Dataset] | None:
    """Return the datasets with stores, and whether a run would use them, for a plan that follows from them; else None.

    Raises Failure STORAGE where a store is damaged.
    """
    try:
        if not document.budget.terms.reads_stores:
            return None
    except Unavailable:
        return None
    return _believed(survey_data(document))


def believed_stores(document: Document, known: Mapping[tuple[str, str], Dataset]) -> Mapping[tuple[str, str], Dataset]:
    """Return those of `known` datasets whose stores a run would use, and of the others that they are outdated.

    Files are compared by their stamps, and small ones by their bytes. What can't be compared is believed where no step
    follows from it. Raises Failure STORAGE where a store is damaged.
    """
    if (deciding := deciding_stores(document)) is not None:
        return deciding
    if not known:
        return known
    found = _believed(survey_data(document))
    return {key: found[key] if key in found and found[key].outdated else dataset for key, dataset in known.items()}


def _believed(data: Environment) -> dict[tuple[str, str], Dataset]:
    """The datasets with a store: what it holds, or that a run would make it again."""
    outdated = Dataset(source=True, outdated=True)
    found = {key: outdated if each.outdated else each for key, each in data.datasets.items()}
    return {key: each for key, each in found.items() if each.store or each.outdated}


def known_data(spec: Spec, device_bytes: int | None = None, platform: str = "gpu") -> Environment:
    """Return what the plan may know of the data of a spec: the tokenizer, and sizes of each token store that exists.

    Nobody asks whether a run would use the stores as they are, which `survey` does: their meta data alone is read.
    Raises Failure where the files of a tokenizer can't be used.
    """
    section = spec.tokenizer
    hugging_face = section.backend == "huggingface"
    tokenizer = read_tokenizer_files(str(section.name), section.add_bos).facts if hugging_face else None
    names = {key[:2] for stage in budget_of(spec, Environment()).asked for key in stage.keys}
    metas = {key: read_meta(spec.data.root, *key) for key in sorted(names)}
    stores = {key: Dataset(store=known_store(spec.data.root, meta)) for key, meta in metas.items() if meta is not None}
    return Environment(
        device_bytes=device_bytes, platform=platform, datasets=stores, draw=draw_stage, tokenizer=tokenizer
    )


class Reading(NamedTuple):
    """How text and conversations would become tokens: facts of a huggingface tokenizer, fingerprint of a chat recipe.

    Each may be unknown, or what is in its way.
    """

    tokenizer: TokenizerFacts | Obstacle | None = None
    chat: str | Obstacle | None = None

    @property
    def obstacle(self) -> Obstacle | None:
        """Why conversations can't be rendered."""
        return self.chat if isinstance(self.chat, Obstacle) else None


def survey_reading(document: Document) -> Reading:
    """Return what the files of a huggingface tokenizer say, or why they can't be used; nothing for other backends.

    The chat template is looked at where a dataset holds conversations. Raises Failure STORAGE where a file can't be
    read.
    """
    keys = ("tokenizer/backend", "tokenizer/name", "tokenizer/add_bos")
    if not all(map(document.available, keys)):
        return Reading()
    backend, name, add_bos = map(document.value, keys)
    if backend != "huggingface" or name is None:
        return Reading()
    try:
        facts = read_tokenizer_files(name, add_bos).facts
    except Failure as failure:
        from runner.data.survey import obstacle

        key = next((key for key in keys if str(failure).startswith(key)), "tokenizer/name")
        return Reading(obstacle(failure, "name another folder", key))
    return Reading(facts, _survey_chat(document, located(name), facts))


def _survey_chat(document: Document, folder: Path, facts: TokenizerFacts) -> str | Obstacle | None:
    try:
        if not any(conversations(document)):
            return None
        section = Chat.model_validate(document.value("chat"))
    except Unavailable:
        return None
    from runner.data.chat.recipe import load_recipe  # text needs no templates

    try:
        return load_recipe(section, folder, facts).fingerprint
    except Failure as failure:
        from runner.data.survey import obstacle

        return obstacle(failure, "write another chat/template", "chat/template" if section.template else "")


def _starting_point(document: Document, restore: Path | None) -> Path | None:
    if restore or not document.available("architecture/pretrained"):
        return restore
    pretrained = document.value("architecture/pretrained")
    return located(pretrained) if pretrained else None


def _run(document: Document, folder: Path, restore: Path | None) -> Run | None:
    """What lies in the run directory; a spec that can't be read, or has no plan, has no identity to compare."""
    if not document.available("") or not _is_planned(document):
        return None
    return inspect_run_dir(folder, identity(document.values, restore, document.budget.one_budget))


def _is_planned(document: Document) -> bool:
    try:
        return document.budget.asked is not None
    except Unavailable:
        return False


def _start(document: Document, start: Path, restore: Path | None) -> Start | None:
    key = "--restore" if restore else "architecture/pretrained"
    source = find_weights(start)
    if source is None:
        # As it is written: ./OWNER/NAME is a path, and a path leaves the ./ out.
        on_hub = not restore and hub_name(document.value("architecture/pretrained")) is not None
        try:
            message, remedy = why_absent(start)
        except OSError as error:
            message, remedy = f"{start} can't be read: {error.strerror or error}", "make it readable"
        return Start(str(start), key, found=False, on_hub=on_hub, absent=(message, remedy))
    if not document.available("architecture") or (document.pretrained and document.pretrained.keys):
        return None  # other rules have compared it with its config.json
    return Start(str(start), key, differing=other_architecture(source.describe(), document.value("architecture")))


def _has_started(folder: Path) -> bool:
    """Whether a run lies there, which needs its starting point no more."""
    try:
        return is_run(folder)
    except OSError:
        return False


def free_bytes(folder: Path) -> int | None:
    """Free bytes of the disk that a folder lies on, or would."""
    try:
        existing = next((path for path in (folder, *folder.absolute().parents) if path.exists()), None)
        return shutil.disk_usage(existing).free if existing else None
    except OSError:
        return None


def _survey_datasets(
    document: Document, reading: Reading, fingerprints: Fingerprints
) -> tuple[dict[tuple[str, str], Dataset], list[str]]:
    """Look at the datasets of a spec, whose rows are made as the files of the tokenizer and of the template say."""
    from runner.data.survey import MadeBy, survey_datasets

    chat = reading.chat if isinstance(reading.chat, str) else ""
    train_on = document.value("chat/train_on") if document.available("chat/train_on") else ALL
    return survey_datasets(document, MadeBy(_fingerprint(document, reading.tokenizer), chat, train_on), fingerprints)


def _fingerprint(document: Document, tokenizer: TokenizerFacts | Obstacle | None) -> str:
    """How the fingerprint of this spec's tokenizer begins, as a store notes it."""
    if isinstance(tokenizer, TokenizerFacts):
        return tokenizer.fingerprint
    keys = [key for key in ("tokenizer/backend", "tokenizer/name") if document.available(key)]
    return "/".join([*(document.value(key) for key in keys if document.value(key)), ""])
