"""A dataset of the hub at one commit, as Hugging Face `datasets` reads it: its splits, and the tables of one.

A set is loaded whole into the cache of `datasets`, or streamed. Both give the same rows in the same order.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from runner.data.sources._hub_errors import asked
from runner.failure import ExitCode, Failure
from runner.files.hub import endpoint
from schema.document.hub import HubName
from schema.text.wording import join

if TYPE_CHECKING:
    import pyarrow

ROWS_AT_ONCE = 256
BUFFER_BYTES = 2**23  # of each column of a parquet file that is streamed: what the hub is asked for at once


class OtherCommitError(ConnectionError):
    """The cache gave another commit than the one that was asked for, because the hub gave none."""


@dataclass(frozen=True, slots=True)
class HubSet:
    """`name` is pinned to a commit; `key` is that of the source, data/sources/NAME.

    `validated` is the split that its key validation alone names, if any.
    """

    key: str
    name: HubName
    config: str | None
    validated: str = ""

    def rows(self, split: str) -> Any:
        """Load the whole set, and return a split of it, a `datasets.Dataset`. Raises Failure."""

        def load() -> Any:
            builder = self._builder(split)
            builder.download_and_prepare(verification_mode="no_checks")  # a commit has the digests of its files
            return builder.as_dataset(split=split)

        return asked(self.key, self.name, load).with_format("arrow")

    def tables(self, split: str, start: int, stop: int | None, *, streaming: bool) -> Iterator[pyarrow.Table]:
        """Yield the rows of a split from `start` to `stop`, some at a time. Raises Failure."""
        if streaming:
            yield from self._stream(split, start, stop)
            return
        rows = self.rows(split)
        last = len(rows) if stop is None else min(stop, len(rows))
        yield from (rows[first : min(first + ROWS_AT_ONCE, last)] for first in range(start, last, ROWS_AT_ONCE))

    def count(self, split: str, start: int, stop: int | None, *, streaming: bool) -> int:
        """How many rows a split has from `start` to `stop`; of a stream the files are asked. Raises Failure."""
        rows = asked(self.key, self.name, lambda: self._counted(split)) if streaming else len(self.rows(split))
        return max(0, (rows if stop is None else min(stop, rows)) - start)

    def _counted(self, split: str) -> int:
        builder = self._builder(split)
        files = [*(builder.config.data_files or {}).get(split, ())]
        if files and all(file.endswith(".parquet") for file in files):
            return sum(sum(_rows_of_groups(file)) for file in files)
        return sum(len(table) for table in self._opened(split, 0))

    def _stream(self, split: str, start: int, stop: int | None) -> Iterator[pyarrow.Table]:
        tables, done = None, start

        def advance() -> pyarrow.Table | None:
            nonlocal tables
            tables = tables or self._opened(split, done)
            try:
                return next(tables, None)
            except Exception:
                tables = None  # what has failed is asked for anew, behind the last row that came
                raise

        while stop is None or done < stop:
            table = asked(self.key, self.name, advance)
            if table is None:
                return
            yield table if stop is None else table.slice(0, stop - done)
            done += len(table)

    def _opened(self, split: str, start: int) -> Iterator[pyarrow.Table]:
        """Yield a split's rows from `start` on, while they are downloaded.

        Of parquet files the footer says where that row lies, and what is before it is not downloaded; of others the
        rows before it are read and dropped.
        """
        builder = self._builder(split)
        if hasattr(builder.config, "fragment_scan_options"):  # parquet files would be held by whole groups of rows
            builder.config.batch_size, builder.config.fragment_scan_options = ROWS_AT_ONCE, _in_parts()
        stream = builder.as_streaming_dataset(split=split).with_format("arrow")
        files = [*(builder.config.data_files or {}).get(split, ())]
        left, parts = start, stream.num_shards
        for number in range(parts):
            pieces = [stream.shard(num_shards=parts, index=number) if parts > 1 else stream]
            if left and parts == len(files) and files[number].endswith(".parquet"):
                groups = _rows_of_groups(files[number])
                if sum(groups) <= left:
                    left -= sum(groups)
                    continue
                pieces, left = _behind(pieces[0], groups, left)
            for piece in pieces:
                for table in piece.iter(batch_size=ROWS_AT_ONCE):
                    if left < len(table):
                        yield table.slice(left)
                    left = max(0, left - len(table))

    def _builder(self, split: str) -> Any:
        """What reads the set, which has this split. Raises Failure for a configuration or a split that it has not."""
        builder = self._found()
        if builder.hash != self.name.revision:
            with TemporaryDirectory() as empty:  # without a cache to fall back on, it says why
                self._found(cache_dir=empty)
            raise OtherCommitError("the cache gave another commit")
        splits = [*(builder.config.data_files or builder.info.splits or {})]
        if splits and split not in splits:
            key = "validation" if split == self.validated else "split"
            of = f" of configuration {self.config}" if self.config else ""
            raise Failure(
                f"{self.key}/{key}: {self.name.model} has no split {split}{of}; write {join(splits, 'or')}",
                ExitCode.INVALID,
            )
        return builder

    def _found(self, **options: Any) -> Any:
        """What reads the set; perhaps of another commit, of which the cache has more. Raises Failure for its config."""
        library = prepared_library()
        try:
            return library.load_dataset_builder(self.name.model, self.config, revision=self.name.revision, **options)
        except ValueError as error:
            raise self._other_config(error) from error

    def _other_config(self, error: ValueError) -> Exception:
        """What to raise for a set whose configuration is not the one that is named; `error` where it is not that."""
        configs = prepared_library().get_dataset_config_names(self.name.model, revision=self.name.revision)
        if self.config in configs or (self.config is None and len(configs) < 2):
            return error
        verb = f"has no configuration {self.config}" if self.config else "has several configurations"
        return Failure(f"{self.key}/config: {self.name.model} {verb}; write {join(configs, 'or')}", ExitCode.INVALID)


def prepared_library() -> Any:
    """Import `datasets`, which takes a second or two, and leave asking again to us: it would for minutes."""
    import datasets
    from datasets.utils import logging

    settings = datasets.config
    settings.STREAMING_READ_MAX_RETRIES = settings.STREAMING_OPEN_MAX_RETRIES = 1
    for name in ("READ_RETRY", "READ_SERVER_UNAVAILABLE_RETRY", "READ_RATE_LIMIT_RETRY", "OPEN_RETRY"):
        setattr(settings, f"STREAMING_{name}_INTERVAL", 0)
    logging.set_verbosity(logging.CRITICAL)  # what goes wrong is said once, by us
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


def _in_parts() -> Any:
    """How a parquet file is read without holding its columns whole: by a buffer for each."""
    from pyarrow.dataset import ParquetFragmentScanOptions

    return ParquetFragmentScanOptions(use_buffered_stream=True, buffer_size=BUFFER_BYTES, pre_buffer=False)


def _rows_of_groups(path: str) -> list[int]:
    """How many rows each group of a parquet file on the hub has, by its footer alone."""
    import pyarrow.parquet
    from huggingface_hub import HfFileSystem

    with HfFileSystem(endpoint=endpoint()).open(path) as handle:
        facts = pyarrow.parquet.read_metadata(handle)
    return [facts.row_group(number).num_rows for number in range(facts.num_row_groups)]


def _behind(part: Any, groups: list[int], rows: int) -> tuple[list[Any], int]:
    """Part a parquet file into its groups, without those before a row; say too how many rows are left before it."""
    whole = part.reshard() if hasattr(part, "reshard") else part  # older releases of `datasets` can't
    if len(groups) == 1 or whole.num_shards != len(groups):
        return [part], rows
    first = 0
    while groups[first] <= rows:
        rows -= groups[first]
        first += 1
    return [whole.shard(num_shards=len(groups), index=number) for number in range(first, len(groups))], rows
