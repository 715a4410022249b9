"""Hits for a prompt: as many as fit into a budget of tokens, and how they are written in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from memoria.protocols import Store
from memoria.text.flat import flat, label
from memoria.types import Hit, Hits, Memory
from memoria.validate import check_whole

if TYPE_CHECKING:
    from memoria.arrays import Ints

CountTokens = Callable[[str], int]
"""Counts the tokens of a text."""
_BYTES_PER_TOKEN = 4
# Each record brings its vector, so many records are read in batches.
_BATCH = 1000
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
    return _line(hit.memory, hit.shown, zone)


def _line(memory: Memory, shown: str, zone: tzinfo) -> str:
    who = said_by(memory)
    return f"- {memory.day(zone)}{who and ' '}{who}: {flat(shown)}"


def cost(memory: Memory, count: CountTokens = estimate_tokens, zone: tzinfo = UTC) -> int:
    """Tokens that a memory costs in a prompt when all of it is recalled: its line, or those of the parts of a gist.

    count: of a text. zone: of the date, when the memory has none.
    """
    return sum(count(_line(one, one.text, zone) + "\n") for one in memory.parts or (memory,))


def costs(store: Store, ids: Sequence[str], count: CountTokens = estimate_tokens, zone: tzinfo = UTC) -> Ints:
    """Tokens that each memory costs in a prompt (see `cost`), shape (n,); 0 for one that is not there.

    A store does not know how long its texts are: each is read, and so opened, in batches. ids: n ids.
    """
    import numpy as np

    found: list[int] = []
    for at in range(0, len(ids), _BATCH):
        records = store.read(ids[at : at + _BATCH])
        found += [0 if one is None else cost(one.memory, count, zone) for one in records]
    return np.array(found, np.int64)


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
