"""Evidence of Memora by session: the turn that gave a value, not every turn in which its words occur.

Memora names the session of each value. "coffee" stands in a dozen statements of a persona, of which one holds the cup
that a question is about; evidence by value counts all of them, so that a quarter of the memory, drawn by chance, still
holds nearly everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memoria.text.words import stems

_MILLION = 1_000_000
# Of a value that is retold in other words, so large a share of the words must be in the turn that holds it.
_ENOUGH = 0.5
_NAMES_OF_TIME = frozenset({"session_id", "session_date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A turn of a user in which something is told.

    Attributes:
        place: of its draft.
        session: its number.
        text: what was said.
    """

    place: int
    session: int
    text: str


def relevant(evidence: Mapping[str, Any], told: Sequence[Told]) -> tuple[frozenset[int], ...]:
    """For each item of evidence the places of the turns of its session that give it, any of which is enough.

    Args:
        evidence: `memory_evidence` of a question.
        told: all turns of the persona in which something is told.

    Returns:
        Sets of places, none empty, each once, in order.
    """
    found = [_holding(values, [one for one in told if one.session == id]) for id, values in _items(evidence)]
    history = evidence.get("session_history", ())
    if history:
        inside = [one for one in told if one.session in history]
        found += [_nearest(value, inside) for value in _leaves(evidence.get("content_data", {}))]
    return tuple(dict.fromkeys(sorted((places for places in found if places), key=sorted)))


def stale(
    forgotten: Sequence[tuple[str, str]], told: Sequence[Told], wanted: Sequence[frozenset[int]]
) -> tuple[frozenset[int], ...]:
    """For each revoked value the places of the turns that gave it, before the session that revoked it.

    Args:
        forgotten: values in lower case, each with the session that revoked it.
        told: as in `relevant`.
        wanted: what the question needs; a turn that is needed is not out of date.

    Returns:
        Sets of places, none empty, each once.
    """
    needed = frozenset[int]().union(*wanted)
    words = {one.place: set(stems(one.text)) for one in told}
    sets = (
        frozenset(
            one.place
            for one in told
            if one.session < int(session) and (value in one.text.casefold() or _all(value, words[one.place]))
        )
        - needed
        for value, session in forgotten
    )
    return tuple(dict.fromkeys(places for places in sets if places))


def _items(evidence: Any) -> Iterator[tuple[int, list[Any]]]:
    """Each object that names a session, with its other values."""
    if isinstance(evidence, Mapping):
        if "session_id" in evidence:
            yield evidence["session_id"], [one for name, one in evidence.items() if name not in _NAMES_OF_TIME]
        else:
            for value in evidence.values():
                yield from _items(value)
    elif isinstance(evidence, list):
        for value in evidence:
            yield from _items(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(one)
    elif value is not None and not isinstance(value, bool):
        yield value


def _holding(values: Sequence[Any], session: Sequence[Told]) -> frozenset[int]:
    """The turns of a session with most of the values word for word: all of them where none has one."""
    counts = [sum(any(form in one.text.casefold() for form in _forms(value)) for value in values) for one in session]
    most = max(counts, default=0)
    return frozenset(one.place for one, count in zip(session, counts, strict=True) if count == most)


def _nearest(value: Any, turns: Sequence[Told]) -> frozenset[int]:
    """The turns that retell a value best; none where too little of it is in any."""
    if not isinstance(value, str):
        return frozenset(one.place for one in turns if any(form in one.text.casefold() for form in _forms(value)))
    words = set(stems(value))
    shares = [len(words & set(stems(one.text))) / max(len(words), 1) for one in turns]
    best = max(shares, default=0.0)
    return frozenset(one.place for one, share in zip(turns, shares, strict=True) if share == best and best >= _ENOUGH)


def _all(value: str, words: set[str]) -> bool:
    """Whether all stems of a value are among those of a turn."""
    wanted = set(stems(value))
    return bool(wanted) and wanted <= words


def _forms(value: Any) -> tuple[str, ...]:
    """How a value is written: a number as 1200000, 1,200,000, 1,200,000.00 or 1.2 million."""
    if isinstance(value, str):
        return (value.casefold(),) if value else ()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ()
    large = (f"{value / _MILLION:g} million", f"{value / _MILLION:g}m") if abs(value) >= _MILLION else ()
    return f"{value}", f"{value:,}", f"{value:,.2f}", *large
