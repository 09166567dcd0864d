"""Writes the folder `saved` beside this file, as `datasets` saves two splits; run it by its path."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset, DatasetDict

SPLITS = {"train": (1, 2), "test": (3,)}

if __name__ == "__main__":
    rows = {
        split: [{"qa": {"question": f"{n} + {n} = ", "answer": f"{2 * n}"}, "tags": ["sum"]} for n in numbers]
        for split, numbers in SPLITS.items()
    }
    DatasetDict({split: Dataset.from_list(each) for split, each in rows.items()}).save_to_disk(
        Path(__file__).with_name("saved")
    )
