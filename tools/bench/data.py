#!/usr/bin/env python3
"""Measure the data of a run, from text to batches.

    python tools/bench/data.py preparation                            against the bare tokenizer, by two workers
    python tools/bench/data.py loader                                 tokens per second of CPU time, by style
    python tools/bench/data.py loader --wait specs/quickstart.yaml    and the share of a run's time that waits for them

A plain memmap copies random rows of tokens and nothing else; the loader also draws them, counts, masks and digests.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout, not an installed copy

from tools.bench import loader, preparation

PARTS = {"preparation": preparation, "loader": loader}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for name, part in PARTS.items():
        part.add_arguments(parts.add_parser(name, help=(part.__doc__ or "").strip()))
    asked = parser.parse_args()
    PARTS[asked.part].main(asked)


if __name__ == "__main__":
    main()
