"""The token stores of a run, made ready one after the other; what a run does with their rows is for `catalog`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from runner.data.chat.open_chat import open_chat
from runner.data.packing import WINDOW
from runner.data.sources import find_source, unknown_dataset
from runner.data.stores.display import PreparationDisplay
from runner.data.stores.meta import read_meta
from runner.data.stores.prepare import prepare_store
from runner.data.stores.store import Store, check_vocabulary
from runner.data.stores.trained import Trained
from runner.data.stores.worker import Recipe
from runner.data.styles import packed
from runner.data.tokenizers import Tokenizer
from schema.budget.budget import budget_of
from schema.budget.dataset_names import Key, styles_of
from schema.environment import Environment
from schema.sampling import DatasetStyle
from schema.spec import Spec


def spec_keys(spec: Spec) -> list[Key]:
    """Every dataset of a spec in the order of its first use; no plan is needed for that."""
    return list(dict.fromkeys(key for stage in budget_of(spec, Environment()).asked for key in stage.keys))


def ready_stores(
    spec: Spec, keys: Sequence[Key], tokenizer: Tokenizer, progress: PreparationDisplay, trained: Trained | None = None
) -> Iterator[Store]:
    """Yield the store of each of these datasets, by name, made first where it is missing or outdated.

    `trained` is what the run was trained on so far; where its data changed, it raises Failure RESUME, and no store that
    the run was trained on is made again. Raises Failure INVALID for an unknown dataset, before the first store is made,
    for conversations that can't be rendered or are not for PADDED rows, and for a token id that the vocabulary does not
    hold; STORAGE for disks.
    """
    for name, suffix, *_ in keys:
        if find_source(name, spec.data) is None and read_meta(spec.data.root, name, suffix) is None:
            raise unknown_dataset(name, spec.data)
    chat, styles = open_chat(spec, keys, tokenizer), styles_of(keys)
    for name, suffix in sorted(styles):
        store = prepare_store(
            name,
            suffix,
            data=spec.data,
            tokenizer=tokenizer,
            progress=progress,
            chat=chat,
            styles=styles[name, suffix],
            trained=trained,
            recipe=Recipe(spec.tokenizer, spec.chat),
        )
        check_vocabulary(store, spec.architecture.vocab_size)
        if DatasetStyle.PACKED in styles[name, suffix]:
            keep_packings(store, spec, progress)
        yield store


def keep_packings(store: Store, spec: Spec, progress: PreparationDisplay) -> None:
    """Pack the examples of a store into rows, once for each block_size; where it can't be written, each run does it."""
    width = spec.architecture.block_size + 1
    for split in store.splits.values():
        drop = packed.drops(split.lengths, spec.architecture.block_size, spec.data.on_too_long)
        noted = split.packing(width, drop)
        if noted is None or noted.arrays() is None:
            windows = -(-split.meta.documents // WINDOW)
            with progress.bar(f"packing {split.dataset} ({split.split})", windows) as advance, suppress(OSError):
                split.packings.keep(split.in_order(), width, drop, advance)
