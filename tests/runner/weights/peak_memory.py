"""Load a folder of some 160 MB, and print as JSON what memory of its own the process took for that.

    python -m tests.runner.weights.peak_memory FOLDER

FOLDER is made, of zeros that take no room on most disks. `peak` are the bytes that no file stands behind, beyond those
before, `kept` those of the arrays on the devices of this process, `largest` those of the largest tensor.
"""

from __future__ import annotations

import gc
import json
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jax

from runner.weights.pretrained import load_pretrained
from tests.runner.weights.model_folders import LLAMA_4, shapes_of, write_folder

# The largest tensors are so large that freeing them gives their memory back at once.
CONFIG = {**LLAMA_4, "vocab_size": 60_000, "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 12,
          "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
SHARDS = 4


def main() -> None:
    folder = Path(sys.argv[1])
    jax.block_until_ready(load_pretrained(write_folder(folder / "small", LLAMA_4))[1])  # loads libraries and compiles
    sizes = write_zeros(folder / "large")
    gc.collect()
    before, stop = anonymous(), threading.Event()
    peak = [before]

    def poll() -> None:
        while not stop.is_set():
            peak[0] = max(peak[0], anonymous())
            time.sleep(0.002)

    poller = threading.Thread(target=poll)
    poller.start()
    leaves = jax.tree.leaves(load_pretrained(folder / "large")[1])
    stop.set()
    poller.join()
    kept = sum(part.data.nbytes for leaf in leaves for part in leaf.addressable_shards)
    print(json.dumps({"peak": peak[0] - before, "kept": kept, "largest": max(sizes)}))


def anonymous() -> int:
    """Bytes of this process in memory that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def write_zeros(folder: Path) -> list[int]:
    """Write the folder; return the bytes of its tensors."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    shapes = shapes_of(CONFIG)
    places = {name: f"model-{index % SHARDS + 1:05}-of-{SHARDS:05}.safetensors" for index, name in enumerate(shapes)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    sizes = []
    for path in set(places.values()):
        header: dict[str, Any] = {}
        end = 0
        for name in (name for name in shapes if places[name] == path):
            begin, end = end, end + 4 * shapes[name][0] * (shapes[name][1] if len(shapes[name]) > 1 else 1)
            header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [begin, end]}
            sizes.append(end - begin)
        text = json.dumps(header).encode()
        with (folder / path).open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + end)
    return sizes


if __name__ == "__main__":
    main()
