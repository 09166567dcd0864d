"""meta.json of a token store: what the planner may know of a dataset without opening it.

Standard library only, so that `plan` starts without numpy. It neither checks nor opens the token files.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from operator import sub
from pathlib import Path
from typing import Any

from runner.data.stores.packings import Packing, Packings
from runner.data.styles import PairLengths
from runner.failure import ExitCode, Failure
from runner.files.digested_json import read_text, with_digest
from schema.budget.dataset_names import folder_name
from schema.environment import Fields
from schema.text.paths import at_home

FORMAT = 3
META_FILE = "meta.json"
OFFSET_BYTES = 8
OFFSETS_AT_ONCE = 2**13  # that are read
SPLITS = ("train", "val")
REMEDY = "delete the folder to have it made again"


class OtherFormatError(ValueError):
    """The meta data of a store of another format than FORMAT; `owner` is its dataset, name and suffix."""

    def __init__(self, found: Any, owner: tuple[Any, Any]) -> None:
        super().__init__(f"it has format {found!r}, and this version reads format {FORMAT}")
        self.found, self.owner = found, owner


class OutdatedError(Failure):
    """A store that an older version wrote; `owner` is its dataset, name and suffix."""

    def __init__(self, message: str, owner: tuple[Any, Any]) -> None:
        super().__init__(message, ExitCode.STORAGE)
        self.owner = owner


@dataclass(frozen=True, slots=True)
class FileMeta:
    """Size and sha256 of one file of a store, and its stamp when that was its content."""

    bytes: int
    sha256: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where the tokens of a split lie that another program wrote: the absolute `path` of a file, from byte `first`."""

    path: str
    first: int


@dataclass(frozen=True, slots=True)
class SplitMeta:
    """One split: its documents, its tokens, how many documents have which length, and its files by kind.

    `supervised` counts the tokens in its `spans`, those that PADDED rows are trained on. `pairs` are the lengths of
    pairs, where documents 2i and 2i + 1 are a chosen and a rejected answer; else None.
    """

    documents: int
    tokens: int
    spans: int
    supervised: int
    max_token_id: int
    lengths: Mapping[int, int]
    files: Mapping[str, FileMeta]
    pairs: PairLengths | None = None


@dataclass(frozen=True, slots=True)
class StoreMeta:
    """A whole store. `skipped` counts what was left out of it by reason; `val` may be missing in `splits`.

    `source` is the fingerprint of the source, `stamp` its stamp when it was last read; `chat` is that of how
    conversations were rendered, empty where there are none. `fields` are those of the source's records, None in a store
    of an older version. `believed` says that another program made the tokens, by a tokenizer that nobody could check;
    `elsewhere` are the splits whose tokens are its files, not the store's. `marks` say how a store was made otherwise
    than the first of its format. `origin` is OWNER/NAME@COMMIT where the source is of the hub.
    """

    format: int
    name: str
    suffix: str
    digest: str
    source: str
    stamp: str
    tokenizer: str
    chat: str
    vocabulary: int
    end: int
    pad: int
    dtype: str
    skipped: Mapping[str, int]
    splits: Mapping[str, SplitMeta]
    fields: Fields | None = None
    believed: bool = False
    marks: tuple[str, ...] = ()
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)
    origin: str = ""

    @property
    def holds_pairs(self) -> bool:
        """Whether its documents are pairs of answers."""
        return any(split.pairs is not None for split in self.splits.values())

    @property
    def max_token_id(self) -> int:
        """Highest id that a row can hold, padding included."""
        return max(self.pad, *(split.max_token_id for split in self.splits.values()))

    def to_json(self) -> str:
        """Serialise; `parse_meta` reads it back."""
        elsewhere = {split: asdict(found) for split, found in self.elsewhere.items()}
        facts = asdict(replace(self, elsewhere={})) | {"fields": None if self.fields is None else self.fields._asdict()}
        facts |= {"elsewhere": elsewhere}
        return with_digest(json.dumps(facts, indent=1))

    def file(self, folder: Path, split: str, kind: str) -> Path:
        """Return the path of one file of the store in a folder; `kind` is tokens, offsets or supervised."""
        if kind == "tokens" and split in self.elsewhere:
            return Path(self.elsewhere[split].path)
        return split_file(folder, split, kind)


def key_digest(source: str, tokenizer: str, chat: str = "", *marks: str) -> str:
    """Identify the content of a store: sha256 over its fingerprints, the format and `marks`, and nothing else.

    These say what is made otherwise of the same source than the first stores of the format.
    """
    return hashlib.sha256(json.dumps([FORMAT, source, tokenizer, chat, *marks]).encode()).hexdigest()


def store_folder(root: str, name: str, suffix: str) -> Path:
    """Return where the store of a dataset lies: <root>/<name> or <root>/<name>_<suffix>."""
    return at_home(root) / folder_name(name, suffix)


def read_meta(root: str, name: str, suffix: str = "") -> StoreMeta | None:
    """Return the meta data of a store under `data/root`; None where there is none or it cannot be read."""
    try:
        meta = parse_meta((store_folder(root, name, suffix) / META_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return meta if (meta.name, meta.suffix) == (name, suffix) else None


def existing_meta(root: str, name: str, suffix: str, *, has_source: bool) -> StoreMeta | None:
    """Return the meta data of a dataset's store, None where nothing lies there; the token files are not looked at.

    With a source, a store that an older version wrote is nothing, for it can be made again. Raises Failure STORAGE when
    it can't, when something else lies there or meta.json is damaged, INVALID when the store is another dataset's.
    """
    folder = store_folder(root, name, suffix)
    if not folder.exists():
        return None
    if not (folder / META_FILE).exists():
        raise Failure(
            f"'{folder}' is no token store: it has no {META_FILE}; move it away or write another data/root",
            ExitCode.STORAGE,
        )
    try:
        meta = load_meta(folder)
        owner = meta.name, meta.suffix
    except OutdatedError as outdated:
        if not has_source:
            raise
        meta, owner = None, outdated.owner
    if owner != (name, suffix):
        raise Failure(
            f"'{folder}' is the store of dataset '{owner[0]}' with suffix '{owner[1]}', so dataset "
            f"'{name}' with suffix '{suffix}' cannot live there; write another suffix",
            ExitCode.INVALID,
        )
    return meta


def load_meta(folder: Path) -> StoreMeta:
    """Read the meta data of the store in a folder.

    Raises Failure STORAGE when it is damaged, OutdatedError when an older version wrote it.
    """
    try:
        return parse_meta((folder / META_FILE).read_text(encoding="utf-8"))
    except OtherFormatError as error:
        if not isinstance(error.found, int) or error.found > FORMAT:
            raise Failure(
                f"token store '{folder}' was made by a newer version of lorarun; use that one, or another data/root",
                ExitCode.STORAGE,
            ) from error
        raise OutdatedError(
            f"token store '{folder}' was made by an older version of lorarun; name the files of its text under "
            "data/sources, then exec makes it again",
            error.owner,
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Failure(
            f"token store '{folder}': {META_FILE} cannot be read: {reason}; {REMEDY}", ExitCode.STORAGE
        ) from error


def split_file(folder: Path, split: str, kind: str) -> Path:
    """Return the path of one file of a store; `kind` is tokens, offsets or supervised."""
    return folder / f"{split}.{kind}.bin"


@dataclass(frozen=True, slots=True)
class StoredDocuments:
    """The documents of a split on disk; satisfies `runner.data.styles.Documents` without numpy.

    Those of the same place and `content`, the sha256 of their tokens and their offsets, are equal.
    """

    content: tuple[str, str]
    lengths: Mapping[int, int] = field(compare=False)
    pairs: PairLengths | None = field(compare=False)
    offsets_file: Path
    packings: Packings

    def in_order(self) -> Iterator[int]:
        """Yield the length of each document in tokens, in the order of the store. Raises OSError."""
        last = 0
        with self.offsets_file.open("rb") as file:
            file.seek(OFFSET_BYTES)  # where the first begins, at 0
            while piece := file.read(OFFSETS_AT_ONCE * OFFSET_BYTES):
                ends = array("Q", piece)
                if sys.byteorder == "big":  # the file is little-endian
                    ends.byteswap()
                yield from map(sub, ends, itertools.chain([last], ends))
                last = ends[-1]

    def packing(self, width: int, drop: bool) -> Packing | None:
        """Return the packing that was kept for rows of `width` tokens."""
        return self.packings.find(width, drop)


def stored_documents(root: str, meta: StoreMeta, split: str) -> StoredDocuments | None:
    """Return the documents of a split of a store under `data/root`; None where it has no such split."""
    found = meta.splits.get(split)
    if found is None:
        return None
    folder = store_folder(root, meta.name, meta.suffix)
    content = found.files["tokens"].sha256, found.files["offsets"].sha256
    packings = Packings(folder, split, content[1])
    return StoredDocuments(content, found.lengths, found.pairs, split_file(folder, split, "offsets"), packings)


def parse_meta(text: str) -> StoreMeta:
    """Read what `StoreMeta.to_json` wrote. Raises ValueError when it is something else."""
    try:
        fields = read_text(text)
        if fields["format"] != FORMAT:
            raise OtherFormatError(fields["format"], (fields.get("name"), fields.get("suffix")))
        fields["splits"] = {name: _parse_split(split) for name, split in fields["splits"].items()}
        if fields.get("fields") is not None:
            fields["fields"] = fields_of(fields["fields"])
        fields["marks"] = tuple(fields.get("marks", ()))
        found = fields.get("elsewhere", {})
        fields["elsewhere"] = {name: Elsewhere(place["path"], place["first"]) for name, place in found.items()}
        return StoreMeta(**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not the meta data of a token store ({error})") from error


def fields_of(found: dict[str, Any]) -> Fields:
    """Read fields as JSON holds them. Raises KeyError and TypeError for something else."""
    first, unread, lost = (tuple(found[name]) for name in ("first", "unread", "lost"))
    return Fields(found["read"], first, unread, lost, found["styled"])


def _parse_split(fields: dict[str, Any]) -> SplitMeta:
    lengths = _parse_counts(fields.pop("lengths"))
    files = {kind: FileMeta(**file) for kind, file in fields.pop("files").items()}
    pairs = fields.pop("pairs", None)
    read = PairLengths(*map(_parse_counts, pairs)) if pairs is not None else None
    return SplitMeta(lengths=lengths, files=files, pairs=read, **fields)


def _parse_counts(found: dict[str, Any]) -> dict[int, int]:
    return {int(length): int(documents) for length, documents in found.items()}
