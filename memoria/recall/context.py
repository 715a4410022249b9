"""Hits for a prompt: as many as fit into a budget of tokens, and how they are written in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memoria.errors import InvalidQuery
from memoria.types import Hit, Memory

CountTokens = Callable[[str], int]
_BYTES_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """A token for every four bytes of UTF-8, rounded up: about right for English; pass your own counter to be exact."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def line(memory: Memory) -> str:
    """One memory as a prompt shows it: `- 2026-05-04 ada: text`."""
    who = f" {memory.provenance.speaker}" if memory.provenance.speaker is not None else ""
    return f"- {memory.created_at:%Y-%m-%d}{who}: {memory.text}"


def pack(hits: Sequence[Hit], budget: int, count: CountTokens = estimate_tokens) -> list[Hit]:
    """The hits, best first, whose lines together fit into `budget` tokens; one that no longer fits is skipped."""
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise InvalidQuery(f"budget_tokens {budget!r} is not a whole number of at least 1")
    packed, left = [], budget
    for hit in hits:
        cost = count(line(hit.memory) + "\n")
        if cost <= left:
            packed.append(hit)
            left -= cost
    return packed


def prompt(hits: Sequence[Hit]) -> str:
    """The hits as lines, oldest first, so that events read in the order in which they happened."""
    return "\n".join(line(hit.memory) for hit in sorted(hits, key=lambda hit: hit.memory.id))
