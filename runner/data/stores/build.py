"""Write a token store: built in a sibling folder, synced, and renamed into place when it is complete.

A process that dies at any moment leaves the old store, the new one or none, never half of one. What it left
lying is removed by `sweep`. Where the documents come from is `runner/data/sources`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from runner.data.sources import counted
from runner.data.spans import divide
from runner.data.stores.files import file_digest
from runner.data.stores.meta import META_FILE, SPLITS, FileMeta, SplitMeta, StoreMeta, load_meta, split_file
from runner.data.stores.split import VAL_ONE_IN, by_place
from runner.data.stores.store import OFFSET_DTYPE
from runner.failure import Failure
from runner.files.atomic import sync, write_atomically
from runner.files.folder import begin, commit, hidden
from runner.files.stamp import stamp_of


def is_validation(text: bytes) -> bool:
    """Whether a document belongs to `val`: by its content, so that duplicates stay on one side.

    A dataset so small that no digest falls on `val` is split by place instead.
    """
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big") % VAL_ONE_IN == 0


class StoreWriter:
    """The token files of a store under construction; a context that closes them."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self._folder, self._dtype = folder, dtype
        self._ends = dict.fromkeys(SPLITS, 0)
        self._span = dict.fromkeys(SPLITS, (0, 0))  # the last one of each, which the next document may continue
        self._stack = ExitStack()
        self._files = {
            (split, kind): self._stack.enter_context(split_file(folder, split, kind).open("wb"))
            for split in SPLITS
            for kind in ("tokens", "offsets", "supervised")
        }
        for split in SPLITS:
            self._files[split, "offsets"].write(struct.pack("<Q", 0))

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, split: str, ids: npt.NDArray[np.int32], spans: Sequence[tuple[int, int]]) -> None:
        """Append one document, (tokens,), of which the tokens [start, end) of each span, in order, are supervised."""
        self._files[split, "tokens"].write(ids.astype(self._dtype).tobytes())
        first = self._ends[split]
        for start, end in spans:
            self._supervise(split, first + start, first + end)
        self._ends[split] = first + len(ids)
        self._files[split, "offsets"].write(struct.pack("<Q", self._ends[split]))

    def _supervise(self, split: str, start: int, end: int) -> None:
        """Note a span; one that follows another at once continues it, so that plain text has few of them."""
        before, last = self._span[split]
        if start != last:
            self._write_span(split)
            before = start
        self._span[split] = before, end

    def _write_span(self, split: str) -> None:
        start, end = self._span[split]
        if start < end:
            self._files[split, "supervised"].write(struct.pack("<QQ", start, end))

    def finish(self) -> dict[str, SplitMeta]:
        """Close the files, see that both splits have something where possible, and describe them."""
        for split in SPLITS:
            self._write_span(split)
        self._stack.close()
        if not self._ends["train"]:  # every document is a duplicate of one that belongs to val
            for kind in ("tokens", "offsets", "supervised"):
                split_file(self._folder, "val", kind).replace(split_file(self._folder, "train", kind))
        if not all(self._ends.values()):
            _split_off_validation(self._folder, self._dtype)
        found = {}
        for split in SPLITS:
            described = _describe(self._folder, split, self._dtype)
            if described is not None:
                found[split] = described
        return found


def _split_off_validation(folder: Path, dtype: str) -> None:
    """Give `val` the end of `train`, for datasets of so few documents that no digest fell on `val`.

    `by_place` says how much of it. A store that allows nothing has no `val`.
    """
    offsets = np.fromfile(split_file(folder, "train", "offsets"), OFFSET_DTYPE)
    spans = np.fromfile(split_file(folder, "train", "supervised"), OFFSET_DTYPE)
    train_offsets, val_offsets = by_place(offsets, spans)
    start = int(val_offsets[0])
    itemsize = np.dtype(dtype).itemsize
    tokens = np.fromfile(split_file(folder, "train", "tokens"), dtype, offset=start * itemsize)
    tokens.tofile(split_file(folder, "val", "tokens"))
    os.truncate(split_file(folder, "train", "tokens"), start * itemsize)
    train_spans, val_spans = divide(spans, start)
    for split, found in (("train", (train_offsets, train_spans)), ("val", (val_offsets - val_offsets[0], val_spans))):
        for kind, array in zip(("offsets", "supervised"), found, strict=True):
            array.astype(OFFSET_DTYPE).tofile(split_file(folder, split, kind))


def _describe(folder: Path, split: str, dtype: str) -> SplitMeta | None:
    """Sum a finished split up, and sync its files; one without documents is removed."""
    paths = {kind: split_file(folder, split, kind) for kind in ("tokens", "offsets", "supervised")}
    if not paths["tokens"].exists() or not paths["tokens"].stat().st_size:
        for path in paths.values():
            path.unlink(missing_ok=True)
        return None
    offsets = np.fromfile(paths["offsets"], OFFSET_DTYPE)
    spans = np.fromfile(paths["supervised"], OFFSET_DTYPE)
    lengths, documents = np.unique(np.diff(offsets), return_counts=True)
    for path in paths.values():
        sync(path)
    return SplitMeta(
        documents=len(offsets) - 1,
        tokens=int(offsets[-1]),
        spans=len(spans) // 2,
        supervised=int((spans[1::2] - spans[::2]).sum()),
        max_token_id=int(np.memmap(paths["tokens"], dtype, mode="r").max()),
        lengths=dict(zip(lengths.tolist(), documents.tolist(), strict=True)),
        files={kind: _note(path) for kind, path in paths.items()},
    )


def _note(path: Path) -> FileMeta:
    found = path.stat()
    return FileMeta(found.st_size, file_digest(path), stamp_of(found))


@contextmanager
def partial_folder(folder: Path) -> Iterator[Path]:
    """A fresh folder beside the store to build in; removed when it was not installed. Raises OSError.

    Parents that had to be made for it go with it, as long as nothing else is in them.
    """
    made = [parent for parent in folder.parents if not parent.exists()]
    partial = hidden(folder, f"-{socket.gethostname()}-{os.getpid()}")
    try:
        begin(partial)  # a signal may come as soon as it is there
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # it holds a store
            for parent in made:
                parent.rmdir()


def install(partial: Path, folder: Path, meta: StoreMeta) -> None:
    """Write meta.json and put the complete store in place, instead of an older one. Raises OSError.

    Where another process installed the same store meanwhile, its store stays.
    """
    write_atomically(partial / META_FILE, meta.to_json())
    try:
        commit(partial, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def remember_stamps(folder: Path, meta: StoreMeta) -> None:
    """Note the stamps in `meta` in the store it is of, so that nothing is read again to no purpose.

    Where the disk is read-only, or another process has replaced the store meanwhile, nothing is noted.
    """
    with suppress(OSError, Failure):
        there = load_meta(folder)
        if there != meta and there.digest == meta.digest:
            write_atomically(folder / META_FILE, meta.to_json())


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that are gone left beside a store. Never raises."""
    prefix = f"{hidden(folder).name}-{socket.gethostname()}-"
    if not folder.parent.is_dir():
        return
    for path in folder.parent.iterdir():
        process = path.name.removeprefix(prefix).removesuffix("-old")
        if path.name.startswith(prefix) and process.isdigit() and not _runs_elsewhere(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _runs_elsewhere(process: int) -> bool:
    """Whether another process has this id. In a container, a restarted job often has the id of the dead one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def skipped_sentence(name: str, skipped: Mapping[str, int]) -> str:
    """Say what was left out of a store, and why."""
    found = sum(skipped.values())
    return f"dataset '{name}': {found} {'entry was' if found == 1 else 'entries were'} left out: {counted(skipped)}"
