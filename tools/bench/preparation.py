"""tokens per second of a preparation, and what of the bare tokenizer's it keeps

The bare tokenizer has all texts in memory and makes ids of them, a million characters at a time; a preparation also
reads files, digests texts, writes a store, reads it again for its digest, and moves it into place. One core each: the
library's threads are off. Two workers run as a user has them. Each is a process of its own, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ONE_THREAD = {"TOKENIZERS_PARALLELISM": "false"}
ARMS = ("bare", "1 worker", "2 workers")
CHARACTERS = 2000  # of a text
VOCABULARY = 16_000
BATCH = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--megabytes", type=int, default=60, help="of text; default 60")
    parser.add_argument("--rounds", type=int, default=5, help="in turns; default 5")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)


def main(asked: argparse.Namespace) -> None:
    if asked.arm:
        print(json.dumps(run(asked.arm, asked.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, asked.megabytes * 2**20)
        measured: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
        for _ in range(asked.rounds):
            for arm in ARMS:
                command = [sys.executable, "-m", "tools.bench.data", "preparation", "--arm", arm, "--folder", name]
                environment = {**os.environ, **({} if arm == "2 workers" else ONE_THREAD)}
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                measured[arm].append(json.loads(done.stdout))
    report(measured)


def make(folder: Path, size: int) -> None:
    """Write a tokenizer of byte-level BPE, trained on the standard library, and its text over and over as records."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from runner.data.sources import pystdlib

    texts = [path.read_text("utf-8", errors="ignore") for _, path in pystdlib.open_source().files]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    options = {"vocab_size": VOCABULARY, "special_tokens": ["<|end|>"], "show_progress": False}
    made.train_from_iterator(texts, trainers.BpeTrainer(initial_alphabet=alphabet, **options))
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    text, written, start = "".join(texts), 0, 0
    with (folder / "x.jsonl").open("w", encoding="utf-8") as file:
        while written < size:
            piece = text[start : start + CHARACTERS]
            start = (start + CHARACTERS) % (len(text) - CHARACTERS)
            file.write(json.dumps({"text": piece}) + "\n")
            written += len(piece)


def run(arm: str, folder: Path) -> dict[str, float]:
    """Do one of them; return seconds, CPU seconds of this process and its children, and tokens."""
    from runner.data.tokenizers import load_tokenizer
    from schema.sections.tokenizer import Tokenizer

    section = Tokenizer(backend="huggingface", name=str(folder))
    tokenizer = load_tokenizer(section)
    if arm == "bare":
        with (folder / "x.jsonl").open(encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        began, used = time.monotonic(), cpu()
        at_once = BATCH // CHARACTERS
        tokens = sum(
            len(encoding.ids)
            for first in range(0, len(texts), at_once)
            for encoding in tokenizer.opening.encode_batch_fast(texts[first : first + at_once])
        )
        return {"seconds": time.monotonic() - began, "cpu": cpu() - used, "tokens": tokens}
    from runner.data.stores.display import Silent
    from runner.data.stores.prepare import prepare_store
    from runner.data.stores.worker import Recipe
    from schema.sections.data import Data, Source

    root = folder / "stores"
    shutil.rmtree(root, ignore_errors=True)
    data = Data(root=str(root), sources={"x": Source(path=str(folder / "x.jsonl"))}, workers=int(arm[0]))
    began, used = time.monotonic(), cpu()
    recipe = Recipe(section, None)
    store = prepare_store("x", "", data=data, tokenizer=tokenizer, progress=Silent(), recipe=recipe)
    tokens = sum(split.tokens for split in store.meta.splits.values())
    return {"seconds": time.monotonic() - began, "cpu": cpu() - used, "tokens": tokens}


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in found)


def report(measured: dict[str, list[dict[str, float]]]) -> None:
    rounds = len(measured["bare"])
    print(f"{rounds} rounds in turns, {measured['1 worker'][0]['tokens']:,.0f} tokens, {os.cpu_count()} cores")
    print("               seconds   CPU s   tokens / CPU s   tokens / s   (medians)")
    for arm, found in measured.items():
        seconds, used = (statistics.median(each[key] for each in found) for key in ("seconds", "cpu"))
        tokens = found[0]["tokens"]
        print(f"{arm:<12}{seconds:>10.2f}{used:>8.2f}{tokens / used:>17,.0f}{tokens / seconds:>13,.0f}")

    def ratio(key: str, above: str, below: str, halved: int = 1) -> float:
        pairs = zip(measured[above], measured[below], strict=True)
        return statistics.median(one[key] / other[key] * halved for one, other in pairs)

    print(f"1 worker / bare, tokens per CPU second: {ratio('cpu', 'bare', '1 worker'):.3f}")
    print(f"2 workers / 1 worker, tokens per second: {ratio('seconds', '1 worker', '2 workers'):.2f}")
    print(f"  as two idle cores would, by CPU seconds: {ratio('cpu', '1 worker', '2 workers', 2):.2f}")
