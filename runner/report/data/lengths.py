"""A histogram of document lengths: few bins whose bounds are easy to read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

MOST_BINS = 10
# Beyond this ratio of the longest to the mean length, bins of equal width would put nearly everything into one.
SKEWED = 16


class Bin(NamedTuple):
    """So many documents of `first` … `last` tokens, both included."""

    first: int
    last: int
    documents: int


def histogram(lengths: Mapping[int, int]) -> list[Bin]:
    """Sort lengths, each with its number of documents, into bins: of equal width, or doubling where a few are huge."""
    shortest, longest = min(lengths), max(lengths)
    mean = sum(length * number for length, number in lengths.items()) / sum(lengths.values())
    if longest > SKEWED * mean:
        bounds = [2**power for power in range(shortest.bit_length() - 1, longest.bit_length() + 1)]
    else:
        width = _width(longest - shortest + 1)
        bounds = list(range(shortest // width * width, longest + width + 1, width))
    pairs = pairwise(bounds)
    return [
        Bin(max(first, 1), end - 1, sum(number for length, number in lengths.items() if first <= length < end))
        for first, end in pairs
    ]


def _width(span: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … of which MOST_BINS reach over so many lengths."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power * MOST_BINS >= span:
                return digit * power
        power *= 10
