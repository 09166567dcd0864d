"""All datasets of a run: their stores made ready, their rows opened in the styles that the spec names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from runner.data.held_out import held_out
from runner.data.mixture import MixtureEntry
from runner.data.ready import ready_stores, spec_keys
from runner.data.stores.display import PreparationDisplay
from runner.data.stores.store import Split, Store
from runner.data.stores.trained import Trained
from runner.data.styles import Rows, load_style
from runner.data.token_shares import SizedRows, TokenDraw
from runner.data.tokenizers import Tokenizer, load_tokenizer
from runner.failure import ExitCode, Failure
from runner.plan.plan import Plan, StagePlan
from schema.budget.dataset_names import Key, folder_name, labels
from schema.budget.event_steps import is_scored
from schema.budget.sides import CONTRASTIVE
from schema.budget.stages import shares
from schema.rules.pairs_not_contrastive import no_pairs, only_pairs
from schema.spec import Spec

ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Catalog:
    """`stores` by folder name, `train` by dataset, `validation` by label (empty with training/validation off).

    `tokenizer` made the stores. `left_out` are sentences on validation documents that another dataset trains on,
    `left_out_of_validation` says how many of each store, by folder name.
    """

    spec: Spec
    tokenizer: Tokenizer
    stores: dict[str, Store]
    train: dict[Key, Rows]
    validation: dict[str, Rows]
    labels: dict[Key, str]
    left_out: Sequence[str] = ()
    left_out_of_validation: Mapping[str, int] = field(default_factory=dict)

    def entries(self, stage: StagePlan) -> list[MixtureEntry]:
        """Bind the mixture of a stage to its rows; where rates are of supervised tokens, they are counted first."""
        exact = shares([planned.rate for planned in stage.mixture])
        found = [
            MixtureEntry(
                self.labels[key := planned.key], self.train[key], share, planned.first_row or 0, self._content(key)
            )
            for planned, share in zip(stage.mixture, exact, strict=True)
        ]
        if self.spec.data.rates_by == "rows":
            return found
        seed, rows = self.spec.training.seed, stage.steps * self.spec.training.batch_size
        parts = [SizedRows(entry.name, entry.rows, entry.first_row, seed) for entry in found]
        places = TokenDraw(parts, exact, by_tokens=True).places(rows)
        return [replace(entry, places=own) for entry, own in zip(found, places, strict=True)]

    def _content(self, key: Key) -> str:
        """Name all that decides the tokens of a dataset's rows; of data/on_too_long, what it does to them."""
        store, rows = self.stores[_folder(key)], self.train[key]
        return f"{store.digest} {key.style} {key.document_mask} {rows.block_size} {tuple(rows.lost)}"

    def digests(self) -> dict[str, str]:
        """Digest of each store."""
        return {folder: store.digest for folder, store in sorted(self.stores.items())}

    def special_tokens(self) -> dict[str, int | None]:
        """Ids of the tokens that begin and end a document and fill a row, under Hugging Face's names."""
        found = self.tokenizer
        return {"bos_token_id": found.begin, "eos_token_id": found.end, "pad_token_id": found.pad}

    def remarks(self) -> list[str]:
        """Sentences about rows that were cut, and documents that were left out."""
        rows = (*self.train.values(), *self.validation.values())
        return [*self.left_out, *(remark for each in rows for remark in each.remarks)]


def open_catalog(
    spec: Spec, plan: Plan | None, progress: PreparationDisplay, trained: Trained | None = None
) -> Catalog:
    """Make or open the store of every dataset of a spec, and check it against the spec and its plan.

    The plan is None where it follows from the stores: whoever compiles it calls `refuse_repeats`. `trained` is
    what the run was trained on so far; where its data changed, it raises Failure RESUME, and no store that the run was
    trained on is made again.
    Raises Failure INVALID for an unknown dataset, conversations that can't be rendered or are not for PADDED rows, a
    tokenizer or a token id that the vocabulary does not hold, a missing validation split, or a dataset that is too
    small where data/on_exhausted is error; STORAGE for disks.
    """
    tokenizer = open_tokenizer(spec)
    stores = {store.folder.name: store for store in ready_stores(spec, spec_keys(spec), tokenizer, progress, trained)}
    return catalog_of(spec, plan, tokenizer, stores)


def catalog_of(spec: Spec, plan: Plan | None, tokenizer: Tokenizer, stores: dict[str, Store]) -> Catalog:
    """Open the rows of these stores, by their folders, in the styles of the spec; its other datasets are left out.

    Documents that one source validates on and another one trains on are left out of validation. Raises Failure INVALID
    where a store gives no rows, or not those that the run asks of it.
    """
    keys = [key for key in spec_keys(spec) if _folder(key) in stores]
    names, scored = labels(spec_keys(spec)), is_scored(spec)
    own_validation = [name for name, source in spec.data.sources.items() if source.validation]
    held, left_out = held_out(stores, own_validation) if scored else ({}, [])
    catalog = Catalog(
        spec=spec,
        tokenizer=tokenizer,
        stores=stores,
        train={key: _open(spec, stores[_folder(key)].split("train"), key) for key in keys},
        validation={names[key]: _open(spec, held.get(_folder(key)), key) for key in keys if scored},
        labels=names,
        left_out=left_out,
        left_out_of_validation={
            folder: stores[folder].splits["val"].meta.documents - split.meta.documents for folder, split in held.items()
        },
    )
    if plan is not None:
        refuse_repeats(plan, catalog)
    for label, rows in catalog.validation.items():
        _check_supervised(label, rows, spec.training.validation_steps)
    return catalog


def open_tokenizer(spec: Spec) -> Tokenizer:
    """Load the tokenizer of a spec. Raises Failure, INVALID too when it has an id that the model has no row for."""
    tokenizer = load_tokenizer(spec.tokenizer)
    if tokenizer.vocabulary > spec.architecture.vocab_size:
        raise Failure(
            f"the tokenizer {spec.tokenizer.name or spec.tokenizer.backend} has {tokenizer.vocabulary:,} ids and "
            f"architecture/vocab_size is {spec.architecture.vocab_size:,}; write at least {tokenizer.vocabulary}",
            ExitCode.INVALID,
        )
    return tokenizer


def _folder(key: Key) -> str:
    return folder_name(key.name, key.suffix)


def _open(spec: Spec, split: Split | None, key: Key) -> Rows:
    name, _, style, document_mask = key
    if split is None:
        raise Failure(
            f"dataset '{name}' is too small to have a validation split; add text to it, or set training/validation "
            "and training/evaluate to false",
            ExitCode.INVALID,
        )
    holds_pairs, wants_pairs = split.pairs is not None, style == CONTRASTIVE
    if holds_pairs != wants_pairs:
        raise Failure("; ".join(no_pairs(name) if wants_pairs else only_pairs(name, style)), ExitCode.INVALID)
    return load_style(style).open_rows(split, spec.architecture.block_size, spec.data.on_too_long, document_mask)


def refuse_repeats(plan: Plan, catalog: Catalog) -> None:
    """Raise Failure INVALID where the plan reads a dataset more than once and data/on_exhausted is error."""
    if catalog.spec.data.on_exhausted != "error":
        return
    for phase in plan.phases:
        for stage in phase.stages:
            for entry in stage.mixture:
                if entry.key not in catalog.train:
                    continue
                needed, available = entry.taken, len(catalog.train[entry.key])
                if needed is not None and needed > available:
                    raise Failure(
                        f"{stage.key}: dataset '{entry.name}' has {available:,} rows and the plan asks {needed:,}; "
                        "lower the budget, or set data/on_exhausted to repeat",
                        ExitCode.INVALID,
                    )


def _check_supervised(label: str, rows: Rows, rows_used: int) -> None:
    """Raise Failure INVALID when the rows that validation scores have no supervised token."""
    last = min(rows_used, len(rows))
    for first in range(0, last, ROWS_AT_ONCE):
        part = rows.gather(np.arange(first, min(first + ROWS_AT_ONCE, last), dtype=np.int64))
        if part.mask().any():
            return
    raise Failure(
        f"the first {last:,} validation rows of dataset '{label}' have no supervised token; raise "
        "architecture/block_size or training/validation_steps",
        ExitCode.INVALID,
    )
