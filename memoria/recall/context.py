"""Hits for a prompt: as many as fit into a budget of tokens, and how they are written in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from math import log

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
    """The hits whose lines fit together into `budget` tokens, best first.

    The best is packed first, then what is worth most for its length. Of a long text that does not fit, the passage is
    taken that the question is about, and the hit says so by `in_part`. One that is too long even so is passed over.
    budget: None takes all. Raises InvalidQuery for one under 1.
    """
    if budget is None:
        return hits
    packed, left = dict[int, Hit](), check_whole("budget_tokens", budget)
    forms = [[(count(line(one, zone) + "\n"), one) for one in shorter(hit)] for hit in hits]
    for at in _by_worth(hits, [min(tokens for tokens, _ in some) for some in forms]):
        for tokens, one in forms[at]:
            if tokens <= left:
                packed[at] = one
                left -= tokens
                break
    return Hits((packed[at] for at in sorted(packed)), known=hits.known)


def _by_worth(hits: Sequence[Hit], tokens: Sequence[int]) -> list[int]:
    """The places of hits, in the order in which they are packed.

    What is wanted with probability p is worth p for its tokens, so of two the one with the greater log p - log tokens
    comes first (G. B. Dantzig, Discrete-Variable Extremum Problems, 1957, for the knapsack). Scores are log-odds, which
    are log p as long as p is small. A cosine is no probability: where recall went by the vector alone, the order stays.
    """
    odds = any(set(hit.terms) != {"similarity"} for hit in hits)
    worth = [hit.score - log(max(n, 1)) if odds else hit.score for hit, n in zip(hits, tokens, strict=True)]
    return sorted(range(len(hits)), key=lambda at: (at > 0, -worth[at], at))


def shorter(hit: Hit) -> Iterator[Hit]:
    """A hit whole, and in part."""
    yield hit
    if hit.passage is not None:
        yield replace(hit, in_part=True)


def prompt(hits: Sequence[Hit], zone: tzinfo = UTC) -> str:
    """The hits as lines, oldest first, so that events read in the order in which they happened."""
    return "\n".join(line(hit, zone) for hit in sorted(hits, key=lambda hit: hit.memory.id))
