"""Gists: one memory made of several, which keeps each of its parts apart.

The text of a gist is extracted from its parts, or written by a callable. Either way the parts stand in it, sealed, as
the memories they were, so that any one can be taken out again, by id, subject, tag or time, with nothing of it left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from memoria.canonical import canonical
from memoria.text.words import plain_words, stems
from memoria.types import Memory, Provenance

Writer = Callable[[Sequence[Memory]], str]
"""From the parts of a gist, oldest first, to its text."""
SOURCE = "gist"
_T = TypeVar("_T")
# Words that turn a statement round (Horn 1989): two that differ in one of them say different things.
_NEGATIONS = frozenset({"no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot"})
_ALIKE = 0.9
_COMMON = 0.5


def extract(parts: Sequence[Memory]) -> str:
    """The texts of the parts, a line each, restatements once: the extractive writer."""
    kept: list[str] = []
    for part in parts:
        if not any(restates(part.text, text) for text in kept):
            kept.append(part.text)
    return "\n".join(kept)


def restates(one: str, other: str) -> bool:
    """Whether two texts say the same: nearly the same stems, and no other number, name or negation."""
    if canonical(one) == canonical(other):
        return True
    return _overlap(one, other) >= _ALIKE and _named(one, other) and _telling(one) == _telling(other)


def opposes(one: str, other: str) -> bool:
    """Whether one text denies the other: many stems in common, and a negation in one of them only."""
    return _overlap(one, other) >= _COMMON and _negations(one) != _negations(other)


def _overlap(one: str, other: str) -> float:
    """Share of the stems of both that are in each (Jaccard)."""
    ours, theirs = set(stems(one)), set(stems(other))
    return len(ours & theirs) / max(len(ours | theirs), 1)


def _named(one: str, other: str) -> bool:
    """Whether each holds the words that the other writes with a capital inside the text."""
    return all(
        {word for token in first.split()[1:] if token[:1].isupper() for word in plain_words(token)}
        <= set(plain_words(second))
        for first, second in ((one, other), (other, one))
    )


def _telling(text: str) -> tuple[set[str], set[str]]:
    """Numbers and negations, which may not differ."""
    return {word for word in plain_words(text) if any(map(str.isdigit, word))}, _negations(text)


def _negations(text: str) -> set[str]:
    found = _NEGATIONS & set(plain_words(text))
    return set(found) | ({"not"} if "n't" in text.casefold().replace("\u2019", "'") else set())


def compose(id: str, parts: Sequence[Memory], write: Writer = extract) -> Memory:
    """The gist of memories of one namespace, under `id`.

    It is as old as its oldest part, as salient as its most salient, and has the names that all its parts share.
    """
    ordered = tuple(sorted(parts, key=lambda part: (part.created_at, part.id)))
    first = ordered[0]
    return Memory(
        id=id,
        namespace=first.namespace,
        text=write(ordered),
        created_at=first.created_at,
        kind="procedural" if all(part.kind == "procedural" for part in ordered) else "semantic",
        salience=max(part.salience for part in ordered),
        subject=_shared([part.subject for part in ordered]),
        tags=tuple(sorted(set(first.tags).intersection(*(part.tags for part in ordered)))),
        provenance=Provenance(
            source=SOURCE,
            speaker=_shared([part.provenance.speaker for part in ordered]),
            session=_shared([part.provenance.session for part in ordered]),
            derived_from=tuple(part.id for part in ordered),
        ),
        parts=ordered,
    )


def without(gist: Memory, gone: Set[str], changed: Collection[Memory] = ()) -> Memory | None:
    """The gist from what is left of its parts, some of them changed; None when fewer than two are left."""
    new = {part.id: part for part in changed}
    kept = [new.get(part.id, part) for part in gist.parts if part.id not in gone]
    return compose(gist.id, kept) if len(kept) > 1 else None


def as_it_was(memory: Memory, at: datetime) -> Memory | None:
    """What of a gist had been observed by `at`; None when nothing. Any other memory as it is."""
    if not memory.parts:
        return memory
    known = [part for part in memory.parts if part.created_at <= at]
    if len(known) == len(memory.parts):
        return memory
    if not known:
        return None
    # With one part left it is still the gist that was found, and still bears its id.
    return replace(compose(memory.id, known), kind=memory.kind)


def _shared(values: Sequence[_T]) -> _T | None:
    """What all are, or None."""
    return values[0] if all(value == values[0] for value in values) else None
