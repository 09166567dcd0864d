"""The files of a Hugging Face folder: which hold the weights, and what their headers say; no weight is read here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple, NoReturn

from runner.failure import ExitCode, Failure

CONFIG, WHOLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
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
                    part = file.get_slice(name)
                    found[name] = Header(path, tuple(part.get_shape()), str(part.get_dtype()))
        except (OSError, SafetensorError) as error:
            refuse(folder, f"{path.name} can't be read: {error}")
    return found


def _shards(folder: Path) -> list[Path]:
    """The files of weights, chosen as Transformers does: model.safetensors, or those that the index names."""
    whole, index = folder / WHOLE, folder / INDEX
    if whole.is_file():
        return [whole]
    if index.is_file():
        try:
            places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            names = sorted({str(name) for name in places.values()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            refuse(folder, f"{INDEX} can't be read: {error!r}")
        if outside := [name for name in names if Path(name).name != name]:
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


def digest_of(folder: Path) -> str:
    """Return a digest of config.json and of every file of weights. Raises Failure STORAGE."""
    whole = hashlib.sha256()
    try:
        for path in (folder / CONFIG, *_shards(folder)):
            with path.open("rb") as file:
                whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    except OSError as error:
        raise Failure(f"cannot read {folder}: {error.strerror or error}", ExitCode.STORAGE) from error
    return whole.hexdigest()


def refuse(folder: Path, reason: str) -> NoReturn:
    """Raise Failure STORAGE for a folder whose files are not whole."""
    raise Failure(f"{folder}: {reason}; get the whole folder of the model again", ExitCode.STORAGE)
