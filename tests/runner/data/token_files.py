"""Token files as other programs write them, by the calls that those make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

MEGATRON = Path(__file__).parent / "megatron" / "tales_text_document"  # written by megatron-core 0.16.1's builder
END, WIDTH = 256, 12
TALES = [
    b"The owl slept. It woke at dusk.",
    b"A boat.",
    b"Rain fell on the hill, and then it stopped.",
    b"One more day.",
]
FLAT = [id_ for tale in TALES for id_ in (*tale, END)]
HELD_OUT = [*b"Nobody saw the hare.", END, *b"It slept until noon.", END]
FLAT_CONFIG = {"name": "tales", "val_pct": 0.05, "seed": 2357, "max_samples": -1, "max_tokens": -1}


def theseus_flat(folder: Path) -> Path:
    """Write a flat set as theseus does: memory maps of 4 bytes an id, cut to what was written."""
    folder.mkdir()
    for split, ids in (("train", FLAT), ("val", HELD_OUT)):
        mapped = np.memmap(folder / f"{split}.bin", dtype=np.uint32, mode="w+", shape=(len(ids),))
        mapped[:] = ids
        mapped.flush()
    (folder / "config.json").write_text(json.dumps(FLAT_CONFIG))
    return folder


def nano_gpt(folder: Path) -> Path:
    """Write a set as the prepare.py files of nanoGPT do, with a pickle that nobody may read."""
    folder.mkdir()
    for split, ids in (("train", FLAT), ("val", HELD_OUT)):
        np.array(ids, dtype=np.uint16).tofile(folder / f"{split}.bin")
    (folder / "meta.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    return folder


Examples = list[tuple[list[int], list[bool]]]


def theseus_padded(folder: Path, splits: dict[str, Examples], pad: int = 0) -> Path:
    """Write rows of WIDTH ids as theseus does: padded, or cut, on the left, with a mask of bytes."""
    folder.mkdir(exist_ok=True)
    for split, examples in splits.items():
        shape = (len(examples), WIDTH)
        ids = np.memmap(folder / f"{split}.bin", dtype=np.uint32, mode="w+", shape=shape)
        masks = np.memmap(folder / f"{split}.bin.mask", dtype=np.bool_, mode="w+", shape=shape)
        for row, (tokens, mask) in enumerate(examples):
            missing = [0] * (WIDTH - len(tokens))
            ids[row] = [*(pad for _ in missing), *tokens[-WIDTH:]]
            masks[row] = [*(False for _ in missing), *mask[-WIDTH:]]
        ids.flush()
        masks.flush()
    shapes = {split: [len(examples), WIDTH] for split, examples in splits.items()}
    (folder / "shape.json").write_text(json.dumps(shapes, indent=4))
    (folder / "config.json").write_text(json.dumps({"name": "chat", "pad_token": pad, "block_size": WIDTH}))
    return folder


def megatron(folder: Path) -> Path:
    """Copy what megatron-core wrote, and return its prefix."""
    folder.mkdir()
    for suffix in (".bin", ".idx"):
        shutil.copy(f"{MEGATRON}{suffix}", folder)
    return folder / MEGATRON.name
