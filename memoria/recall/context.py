"""Hits for a prompt: as many as fit into a budget of tokens, and how they are written in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo

from memoria.types import Hit, Memory
from memoria.validate import check_whole

CountTokens = Callable[[str], int]
"""Counts the tokens of a text."""
_BYTES_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """A token for every four bytes of UTF-8, rounded up: about right for English; pass your own counter to be exact."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def line(memory: Memory, zone: tzinfo = UTC) -> str:
    """One memory as a prompt shows it: `- 2026-05-04 ada: text`. zone: of the date, when the memory has none."""
    who = f" {memory.provenance.speaker}" if memory.provenance.speaker is not None else ""
    return f"- {memory.day(zone)}{who}: {memory.text}"


def pack(
    hits: Sequence[Hit], budget: int | None, count: CountTokens = estimate_tokens, zone: tzinfo = UTC
) -> list[Hit]:
    """The hits, best first, whose lines fit together into `budget` tokens; one that is too long is passed over.

    budget: None takes all. Raises InvalidQuery for one under 1.
    """
    if budget is None:
        return list(hits)
    packed, left = [], check_whole("budget_tokens", budget)
    for hit in hits:
        cost = count(line(hit.memory, zone) + "\n")
        if cost <= left:
            packed.append(hit)
            left -= cost
    return packed


def prompt(hits: Sequence[Hit], zone: tzinfo = UTC) -> str:
    """The hits as lines, oldest first, so that events read in the order in which they happened."""
    return "\n".join(line(hit.memory, zone) for hit in sorted(hits, key=lambda hit: hit.memory.id))
