"""Name → token store: open the one that exists, make the one that doesn't, make again the one that is stale.

It prints nothing: progress and remarks go to the `PreparationDisplay` that the caller supplies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.data.chat.open_chat import is_rendered
from runner.data.sources import DataSource, find_source, settled, unknown_dataset
from runner.data.sources.remote import RemoteFiles
from runner.data.sources.tokens import TokenFiles
from runner.data.stores.current import is_read_alike
from runner.data.stores.display import PreparationDisplay
from runner.data.stores.finish import remember_stamps
from runner.data.stores.foreign import prepare_foreign
from runner.data.stores.make import Maker, Origin, make_store
from runner.data.stores.meta import existing_meta, read_meta, store_folder
from runner.data.stores.partial import is_kept, making, sweep
from runner.data.stores.store import Store, open_store
from runner.data.stores.trained import Trained
from runner.data.stores.worker import Recipe
from runner.data.tokenizers import Tokenizer
from runner.failure import ExitCode, Failure
from runner.process.cores import usable_cores
from schema.sections.data import Data

if TYPE_CHECKING:  # plain text needs neither chat templates nor the library tokenizers
    from runner.data.chat.rows import ChatRows


def prepare_store(
    name: str,
    suffix: str,
    *,
    data: Data,
    tokenizer: Tokenizer,
    progress: PreparationDisplay,
    chat: ChatRows | None = None,
    styles: Collection[str] = (),
    trained: Trained | None = None,
    recipe: Recipe | None = None,
) -> Store:
    """Return the store of a dataset, made first when it is missing, outdated, or its source or tokenizer changed.

    `styles` are those of the run, which decide what is read where records hold a text and a pair. `chat` renders
    conversations, and datasets of plain text don't need it; another one makes their store again too. A store that no
    source is known for is used as it is, and so is one that the run was `trained` on. By its `recipe`, data/workers
    processes make tokens, else this one alone. Raises Failure: INVALID for what the spec can't mean, RESUME where the
    run was trained on another source, STORAGE for a damaged store, a full disk or a worker that is killed.
    """
    folder = store_folder(data.root, name, suffix)
    sweep(folder)
    source = settled(find_source(name, data, styles), data.root, suffix)
    if isinstance(source, TokenFiles):
        return prepare_foreign(source, suffix, root=data.root, tokenizer=tokenizer, progress=progress, trained=trained)
    if source is None:
        if existing_meta(data.root, name, suffix, has_source=False) is None:
            raise unknown_dataset(name, data)
        store = open_store(folder)
        store = as_it_is(store, Maker(tokenizer, chat if store.meta.chat else None, deduplicate=data.deduplicate))
        remember_stamps(folder, store.meta)
        return store
    renders = is_rendered(source, data, styles, read_meta(data.root, name, suffix))
    maker = _maker(data, tokenizer, chat if renders else None, recipe)
    wanted = _Wanted(data.root, name, suffix, source, tuple(styles), maker, trained)
    if (found := wanted.find()) is not None:
        if isinstance(source, RemoteFiles) and source.unreached:
            progress.say(f"dataset '{name}': {source.unreached}; its store '{folder}' is used as it is")
        return found
    try:
        with making(folder, lambda: progress.say(f"dataset '{name}': another process prepares it; waiting")) as partial:
            if (found := wanted.find(progress)) is not None:  # it is made meanwhile
                return found
            origin = wanted.origin()
            make_store(partial, folder, suffix, origin, maker, progress)
    except OSError as error:
        kept = "; what was made is kept, and the same command goes on" if is_kept(folder) else ""
        raise unwritable_store(folder, f"{error.strerror or error}{kept}") from error
    made = wanted.made(origin)
    if isinstance(source, RemoteFiles):
        source.release()
    return made


def _maker(data: Data, tokenizer: Tokenizer, chat: ChatRows | None, recipe: Recipe | None) -> Maker:
    """What makes the rows of a dataset; that of plain text loads no chat template."""
    if chat is None and recipe is not None:
        recipe = recipe._replace(chat=None)
    return Maker(tokenizer, chat, recipe, data.workers or usable_cores(), data.deduplicate)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The store that a run wants of a source."""

    root: str
    name: str
    suffix: str
    source: DataSource
    styles: tuple[str, ...]
    maker: Maker
    trained: Trained | None
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)  # fingerprints of the source, by its stamp

    @property
    def folder(self) -> Path:
        """Where it lies, or will."""
        return store_folder(self.root, self.name, self.suffix)

    def find(self, display: PreparationDisplay | None = None) -> Store | None:
        """Return the store where it is there; else say by the display why one that is there is not it.

        Raises Failure RESUME where the run was trained on what would be made again of something else.
        """
        store = self._existing()
        if store is None and not self.folder.exists():
            return None
        stamp, fingerprint = self._identified(store)
        is_own = store is not None and self.trained is not None and self.trained.knows(store)
        has_made = store is not None and self.maker.has_made(store.meta, fingerprint)
        if store is not None and has_made and (is_own or is_read_alike(self.source, store.meta)):
            store = replace(store, meta=replace(store.meta, stamp=stamp))
            remember_stamps(self.folder, store.meta)
            return as_trained(store, self.source, self.maker, self.trained)
        if store is not None and self.trained:
            refuse_change(store, fingerprint, self.maker, self.trained)
        if display is None:
            return None
        again = f"'{self.folder}'"
        if (store is not None and store.meta.fields is None and has_made) or (store is None and self.folder.exists()):
            display.say(f"dataset '{self.name}': an older version of lorarun made {again}; it is made again")
        elif store is not None:
            changed = self.maker.change(store.meta) or "choice of fields"
            changed = "source" if store.meta.source != fingerprint else changed
            display.say(f"dataset '{self.name}': the {changed} changed since {again} was made; it is made again")
        return None

    def _existing(self) -> Store | None:
        meta = existing_meta(self.root, self.name, self.suffix, has_source=True)
        if meta is not None and meta.elsewhere:  # another program's tokens, which this source is not and may be gone
            return Store(self.folder, meta, {})
        return open_store(self.folder) if meta else None

    def _identified(self, store: Store | None) -> tuple[str, str]:
        """The stamp and the fingerprint of the source as it is now; one that the store has is not read again."""
        stamp = self.source.stamp()  # before the files are read: what changes meanwhile has another one
        if store is not None and store.meta.stamp == stamp:
            return stamp, store.meta.source
        if stamp not in self.known:
            self.known[stamp] = self.source.fingerprints()
        return stamp, known_as(self.known[stamp], store)

    def origin(self) -> Origin:
        """The source as it is read now."""
        stamp, fingerprint = self._identified(self._existing())
        return Origin(self.source, fingerprint, stamp, self.styles)

    def made(self, origin: Origin) -> Store:
        """Open what was made. Raises Failure STORAGE where it is another process's, of something else."""
        store = open_store(self.folder)
        if not self.maker.has_made(store.meta, origin.fingerprint):
            raise Failure(
                f"token store '{self.folder}' was made by another run meanwhile, of another source or tokenizer; give "
                "this run another data/root",
                ExitCode.STORAGE,
            )
        return as_trained(store, self.source, self.maker, self.trained)


def refuse_change(store: Store, fingerprint: str, maker: Maker, trained: Trained) -> None:
    """Raise Failure RESUME where the store that a run was trained on would be made again, of something else."""
    is_other = store.meta.source != fingerprint or maker.change(store.meta) is not None
    if is_other and trained.knows(store):
        raise trained.refusal([store.folder.name])


def as_trained(store: Store, source: DataSource, maker: Maker, trained: Trained | None) -> Store:
    """Give a store the digest that the run knows it by, where an older version gave the same content another one."""
    wanted = trained.stores.get(store.folder.name) if trained else None
    if wanted is not None and wanted != store.digest:
        meta = store.meta
        if wanted in {maker.digest(meta, each) for each in source.fingerprints()}:
            return replace(store, meta=replace(meta, digest=wanted))
    return store


def known_as(fingerprints: tuple[str, ...], store: Store | None) -> str:
    """Of the fingerprints that a source's content has had, return the one that a store was made under, or today's."""
    return store.meta.source if store is not None and store.meta.source in fingerprints else fingerprints[0]


def unwritable_store(folder: Path, reason: str) -> Failure:
    """Return the refusal of a store that can't be written."""
    return Failure(f"token store '{folder}' cannot be written: {reason}", ExitCode.STORAGE)


def as_it_is(store: Store, maker: Maker) -> Store:
    """Return a store without a source, which must have been made as this run would. Raises Failure INVALID."""
    folder, meta = store.folder, store.meta
    changed = maker.change(meta)
    if changed == "tokenizer":
        raise Failure(
            f"token store '{folder}' was made with tokenizer '{meta.tokenizer}', and this run's is "
            f"'{maker.tokenizer.fingerprint}'; give its text in data/sources/{meta.name} to have it made again",
            ExitCode.INVALID,
        )
    if changed:
        raise Failure(
            f"token store '{folder}' was made with another {changed} than this run's; give what it was made of in "
            f"data/sources/{meta.name} to have it made again",
            ExitCode.INVALID,
        )
    return store
