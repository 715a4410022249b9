"""Hits for a prompt: as many as fit into a budget of tokens, and how they are written in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from memoria.text.flat import flat, label
from memoria.types import Hit, Hits, Memory
from memoria.validate import check_whole

CountTokens = Callable[[str], int]
"""Counts the tokens of a text."""
_BYTES_PER_TOKEN = 4
OWN = frozenset({"chat", "extracted", "gist"})
"""Sources that say nothing of where a memory comes from: talk, and what was made of it."""


def estimate_tokens(text: str) -> int:
    """A token for every four bytes of UTF-8, rounded up: about right for English; pass your own counter to be exact."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def line(hit: Hit, zone: tzinfo = UTC) -> str:
    """One hit as a prompt shows it: `- 2026-05-04 ada: text`; in part, the text is `... passage ...`.

    It is one line, whatever the text: a line break in it is written as `\\n` (memoria/text/flat.py).
    zone: of the date, when the memory has none.
    """
    memory = hit.memory
    who = said_by(memory)
    return f"- {memory.day(zone)}{who and ' '}{who}: {flat(hit.shown)}"


def said_by(memory: Memory) -> str:
    """Who said a memory, or else where it comes from; "" for neither.

    What came in by another channel than talk is named with it: "web", or "ada, web".
    """
    origin = memory.provenance
    speaker = "" if origin.speaker is None else label(origin.speaker)
    foreign = origin.source is not None and origin.source not in OWN
    return ", ".join(filter(None, (speaker, label(origin.source) if foreign and origin.source is not None else "")))


def pack(hits: Hits, budget: int | None, count: CountTokens = estimate_tokens, zone: tzinfo = UTC) -> Hits:
    """The hits, best first, whose lines fit together into `budget` tokens.

    Of a long text that does not fit, the passage is taken that the question is about, and the hit says so by
    `in_part`. One that is too long even so is passed over.
    budget: None takes all. Raises InvalidQuery for one under 1.
    """
    if budget is None:
        return hits
    packed, left = Hits(known=hits.known), check_whole("budget_tokens", budget)
    for hit in hits:
        for one in shorter(hit):
            tokens = count(line(one, zone) + "\n")
            if tokens <= left:
                packed.append(one)
                left -= tokens
                break
    return packed


def shorter(hit: Hit) -> Iterator[Hit]:
    """A hit whole, and in part."""
    yield hit
    if hit.passage is not None:
        yield replace(hit, in_part=True)


def prompt(hits: Sequence[Hit], zone: tzinfo = UTC) -> str:
    """The hits as lines, oldest first, so that events read in the order in which they happened."""
    return "\n".join(line(hit, zone) for hit in sorted(hits, key=lambda hit: hit.memory.id))
