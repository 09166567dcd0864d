"""Tokens that another program wrote: which files they are, and how those say where documents begin.

`data/sources/NAME/tokens` names a folder with `train.bin` and perhaps `val.bin`, flat files of ids as nanoGPT and
theseus write them, or of padded rows with `train.bin.mask` and `shape.json`, as theseus writes those; or the prefix of
Megatron's `.bin` and `.idx`. The standard library alone is used: arrays are the business of `stores/foreign.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runner.data.megatron import INDEX_SUFFIX, read_header
from runner.data.sources._source import Entry, combined, file_digest, stamp_files
from runner.failure import ExitCode, Failure
from schema.sections.data import Source
from schema.text.paths import at_home

BYTES = {"uint16": 2, "uint32": 4}
SHAPE, MASK, CONFIG, UNFINISHED = "shape.json", ".mask", "config.json", "progress.json"

UNCHECKED = (
    "its ids are another program's, and nothing says which tokenizer made them; `lorarun data SPEC --show 2` shows "
    "them as text"
)

Kind = Literal["flat", "padded", "megatron"]


@dataclass(frozen=True, slots=True)
class TokenFiles:
    """Satisfies `runner.data.sources.DataSource`, though it has no text; units are bytes.

    `tokens` are the files of ids by split, all of one `dtype` such as <u2; Megatron's one file is train. Padded rows
    have `widths` (rows, tokens of a row) by split, a mask beside each file, and are filled with the id `padding`.
    """

    name: str
    kind: Kind
    dtype: str
    tokens: Mapping[str, Path]
    widths: Mapping[str, tuple[int, int]]
    padding: int = 0

    @property
    def index(self) -> Path:
        """Megatron's index beside its file of ids."""
        tokens = self.tokens["train"]
        return tokens.with_name(tokens.name.removesuffix(".bin") + INDEX_SUFFIX)

    @property
    def files(self) -> list[tuple[str, Path]]:
        """Every file that is read, by its name: where they lie does not count."""
        found = list(self.tokens.values())
        if self.kind == "padded":
            found += [mask_of(path) for path in self.tokens.values()]
        if self.kind == "megatron":
            return [(path.suffix, path) for path in (*found, self.index)]  # a prefix is a place too
        return [(path.name, path) for path in found]

    @property
    def total(self) -> int:
        """Bytes of the files of ids."""
        return sum(path.stat().st_size for path in self.tokens.values())

    def fingerprints(self) -> tuple[str, ...]:
        """Identify the content. Reads every byte. Raises Failure INVALID where a file can't be read."""
        return (self.fingerprint_of(self.digests()),)

    def digests(self) -> dict[str, str]:
        """Return the sha256 of each file by its name. Raises Failure INVALID where one can't be read."""
        try:
            return {name: file_digest(path) for name, path in self.files}
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def fingerprint_of(self, digests: Mapping[str, str]) -> str:
        """Identify the content of files with these digests."""
        return combined(sorted(digests.items()), *self._recipe)

    @property
    def _recipe(self) -> tuple[str, ...]:
        return ("tokens", self.kind, self.dtype, str(sorted(self.widths.items())), str(self.padding))

    def stamp(self) -> str:
        """Identify the files without reading them. Raises Failure INVALID where one is gone."""
        try:
            return stamp_files(self.files, *self._recipe)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    @property
    def has_records(self) -> bool:
        """Tokens are no records."""
        return False

    def reading(self, first: tuple[str, ...]) -> Mapping[str, str]:
        """No field is read."""
        del first
        return {}

    def documents(self, start: int = 0) -> Iterator[Entry]:
        """There is no text."""
        del start
        return iter(())


def open_tokens(name: str, section: Source) -> TokenFiles:
    """Find the files of `data/sources/NAME/tokens` and what they hold. Raises Failure INVALID where that is unclear."""
    place = at_home(str(section.tokens))
    try:
        if place.is_dir():
            if (place / SHAPE).exists():
                return _padded(name, place, section)
            return _flat(name, place, section)
        return _megatron(name, place, section)
    except OSError as error:
        raise _unreadable(name, error) from error


def mask_of(path: Path) -> Path:
    """Return the file that says which tokens of a file of padded rows are trained on."""
    return path.with_name(path.name + MASK)


def _splits(name: str, folder: Path) -> dict[str, Path]:
    """The files of ids of a folder by split; an empty val.bin is none. Raises Failure INVALID without train.bin."""
    train, val = folder / "train.bin", folder / "val.bin"
    if not train.exists():
        prefixes = sorted(folder.glob(f"*{INDEX_SUFFIX}"))
        if prefixes:
            raise refusal(name, f"'{folder}' has no train.bin; for Megatron's write the prefix, {prefixes[0].stem}")
        pairs = (folder / "train.pos.bin").exists()
        raise refusal(
            name,
            f"'{folder}' holds pairs of rows (train.pos.bin), which are not read; name their text with path"
            if pairs
            else f"'{folder}' has no train.bin; write the folder that has one, or the prefix of a .bin and an .idx",
        )
    if (folder / UNFINISHED).exists():
        raise refusal(name, f"'{folder / UNFINISHED}' says that these files were not finished; finish them first")
    if not train.stat().st_size:
        raise refusal(name, f"'{train}' is empty")
    return {"train": train} | ({"val": val} if val.exists() and val.stat().st_size else {})


def _flat(name: str, folder: Path, section: Source) -> TokenFiles:
    splits = _splits(name, folder)
    index = folder / f"train{INDEX_SUFFIX}"
    if index.exists():
        raise refusal(name, f"'{index}' makes 'train.bin' Megatron's; write its prefix, {folder / 'train'}")
    if mask_of(splits["train"]).exists():
        raise refusal(name, f"'{folder}' has a mask and no {SHAPE}, so nobody knows how wide its rows are")
    written = _config(folder)
    told = "uint32" if {"val_pct", "max_tokens"} <= written.keys() else None
    dtype = section.dtype or told
    if dtype is None:
        raise refusal(
            name,
            f"nothing in '{folder}' says how many bytes an id has; write dtype: uint16, as nanoGPT's files have, or "
            "dtype: uint32",
            "dtype",
        )
    if told and dtype != told:
        raise _contradiction(name, f"'{folder / CONFIG}'", told)
    for path in splits.values():
        if path.stat().st_size % BYTES[dtype]:
            raise refusal(name, f"'{path}' has {path.stat().st_size:,} bytes, no whole number of {dtype} ids", "dtype")
    return TokenFiles(name, "flat", f"<u{BYTES[dtype]}", splits, {})


def _padded(name: str, folder: Path, section: Source) -> TokenFiles:
    splits, widths, sizes = _splits(name, folder), {}, set()
    try:
        shapes = json.loads((folder / SHAPE).read_text(encoding="utf-8"))
        for split in splits:
            rows, width = shapes[split]
            if type(rows) is not int or type(width) is not int or rows < 1 or width < 1:
                raise ValueError(f"{split} is {shapes[split]!r}")
            widths[split] = rows, width
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise refusal(name, f"'{folder / SHAPE}' does not say [rows, width] of each split ({error})") from error
    for split, path in splits.items():
        rows, width = widths[split]
        bytes_, mask = path.stat().st_size, mask_of(path)
        size = bytes_ // (rows * width)
        if bytes_ != rows * width * size or size not in BYTES.values():
            raise refusal(name, f"'{path}' has {bytes_:,} bytes, and {SHAPE} says {rows:,} rows of {width:,} tokens")
        if not mask.exists() or mask.stat().st_size != rows * width:
            raise refusal(name, f"'{mask}' is missing, or has not one byte for each of {rows * width:,} tokens")
        sizes.add(size)
    if len(sizes) > 1:
        raise refusal(name, f"the files of '{folder}' have ids of different sizes; write them alike")
    (size,) = sizes
    if section.dtype and BYTES[section.dtype] != size:
        raise _contradiction(name, f"'{folder / SHAPE}'", f"uint{8 * size}")
    padding = _config(folder).get("pad_token", 0)
    if type(padding) is not int or padding < 0:
        raise refusal(name, f"'{folder / CONFIG}': pad_token is {padding!r} and no token id")
    return TokenFiles(name, "padded", f"<u{size}", splits, widths, padding)


def _megatron(name: str, prefix: Path, section: Source) -> TokenFiles:
    tokens, index = prefix.with_name(prefix.name + ".bin"), prefix.with_name(prefix.name + INDEX_SUFFIX)
    if not (tokens.is_file() and index.is_file()):
        if prefix.suffix in (".bin", INDEX_SUFFIX) and prefix.is_file():
            beside = prefix.with_suffix(INDEX_SUFFIX).is_file()
            meant = f"the prefix, {prefix.with_suffix('')}" if beside else f"its folder, {prefix.parent}"
            raise refusal(name, f"'{prefix}' is one file; write {meant}")
        raise refusal(name, f"'{prefix}' is no folder, and there are no '{tokens}' and '{index}'")
    try:
        header = read_header(index)
    except ValueError as error:
        raise refusal(name, f"'{index}' can't be read: {error}") from error
    size = tokens.stat().st_size
    if not size or size % int(header.dtype[-1]):
        raise refusal(name, f"'{tokens}' has {size:,} bytes, no whole number of {header.type_name} ids")
    if section.dtype and f"<u{BYTES[section.dtype]}" != header.dtype:
        raise _contradiction(name, f"'{index}'", header.type_name)
    return TokenFiles(name, "megatron", header.dtype, {"train": tokens}, {})


def _config(folder: Path) -> dict[str, Any]:
    """What the program that wrote a folder said of it; nothing where there is nothing to read."""
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _contradiction(name: str, by: str, told: str) -> Failure:
    return refusal(name, f"{by} says that ids are {told}; leave dtype out", "dtype")


def _unreadable(name: str, error: OSError) -> Failure:
    return refusal(name, f"'{error.filename}' can't be read: {error.strerror}")


def refusal(name: str, sentence: str, key: str = "tokens") -> Failure:
    """Return the refusal of a source of tokens, with its place."""
    return Failure(f"data/sources/{name}/{key}: {sentence}", ExitCode.INVALID)
