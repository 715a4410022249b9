"""Long sequences in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
# How many values one statement takes at most: databases have limits.
BATCH = 1024


def parts(values: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """Values in parts of at most `size`."""
    return (values[at : at + size] for at in range(0, len(values), size))


def runs(slots: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, count) of each run of consecutive numbers."""
    start = 0
    for at in range(1, len(slots) + 1):
        if at == len(slots) or slots[at] != slots[at - 1] + 1:
            yield slots[start], at - start
            start = at
