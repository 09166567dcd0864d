"""The files of a Hugging Face folder: which hold the weights, and what their headers say; no weight is read here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, NoReturn

from runner.data.tokenizer_files import BESIDE, GENERATION, TOKENIZER
from runner.failure import ExitCode, Failure
from runner.files.contents import Contents, contents_of

CONFIG, WHOLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
ROWS = 4096  # of a table that are compared at a time
FLOATS = ("F32", "F16", "BF16", "F64")


class Header(NamedTuple):
    """What the header of a file says of one tensor."""

    path: Path
    shape: tuple[int, ...]
    dtype: str


def read_headers(folder: Path) -> dict[str, Header]:
    """Return the header of each tensor, by its name. Raises Failure STORAGE, and INVALID for .bin files."""
    from safetensors import SafetensorError, safe_open

    found: dict[str, Header] = {}
    for path in _shards(folder):
        try:
            with safe_open(path, "np") as file:
                for name in file.keys():  # noqa: SIM118  it is no mapping
                    if name in found:
                        refuse(folder, f"{name} is in {found[name].path.name} and in {path.name}")
                    part = file.get_slice(name)
                    found[name] = Header(path, tuple(part.get_shape()), str(part.get_dtype()))
        except (OSError, SafetensorError) as error:
            refuse(folder, f"{path.name} can't be read: {error}")
    return found


def check_tied_head(folder: Path, head: Header, table: Header) -> None:
    """Refuse a head beside the embedding that it is said to be, unless it is a copy: others would use it."""
    from safetensors import safe_open

    with safe_open(head.path, "np") as one, safe_open(table.path, "np") as other:
        first, second = one.get_slice("lm_head.weight"), other.get_slice("model.embed_tokens.weight")
        same = head.shape == table.shape and all(
            (first[row:end] == second[row:end]).all()
            for row in range(0, head.shape[0], ROWS)
            for end in (min(row + ROWS, head.shape[0]),)
        )
    if not same:
        raise Failure(
            f"{folder}: config.json ties the head to the embedding, and lm_head.weight is another matrix; write "
            "tie_word_embeddings false there, or take the tensor out",
            ExitCode.INVALID,
        )


def _shards(folder: Path) -> list[Path]:
    """The files of weights, chosen as Transformers does: model.safetensors, or those that the index names."""
    whole, index = folder / WHOLE, folder / INDEX
    if whole.is_file():
        return [whole]
    if index.is_file():
        names = _indexed(index)
        if outside := [name for name in names if not name or Path(name).name != name]:
            refuse(folder, f"{INDEX} names {outside[0]!r}, which is no file of the folder")
        if missing := [name for name in names if not (folder / name).is_file()]:
            refuse(folder, f"{missing[0]} is missing")
        return [folder / name for name in names]
    if any(folder.glob("*.bin")):
        raise Failure(
            f"{folder} holds .bin files, which are pickles and are never read; save the model as safetensors",
            ExitCode.INVALID,
        )
    refuse(folder, f"there is neither {WHOLE} nor {INDEX}")


def _indexed(index: Path) -> list[str]:
    """The files that an index names."""
    try:
        places = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        refuse(index.parent, f"{INDEX} can't be read: {error}")
    names = places.get("weight_map") if isinstance(places, dict) else None
    if not isinstance(names, dict):
        refuse(index.parent, f"{INDEX} can't be read: it holds no mapping weight_map")
    return sorted({str(name) for name in names.values()})


def weight_files(folder: Path) -> list[str]:
    """Name config.json and every file of weights. Raises Failure STORAGE, and INVALID for .bin files."""
    return [CONFIG, *(path.name for path in _shards(folder))]


def contents(folder: Path) -> Contents:
    """Read every file that counts: config.json, the weights, their index, the tokenizer. Raises Failure STORAGE."""
    beside = [name for name in (INDEX, GENERATION, TOKENIZER, *BESIDE) if (folder / name).is_file()]
    try:
        return contents_of(folder, [*weight_files(folder), *beside])
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error


def digest_of(names: Iterable[str], found: Contents) -> str:
    """Return one digest of the files of these names."""
    listed = "".join(f"{name} {found[name]['sha256']}\n" for name in names)
    return hashlib.sha256(listed.encode()).hexdigest()


def refuse(folder: Path, reason: str) -> NoReturn:
    """Raise Failure STORAGE for a folder whose files are not whole."""
    raise Failure(f"{folder}: {reason}; get the whole folder of the model again", ExitCode.STORAGE)
