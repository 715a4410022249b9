"""Gists: one memory made of several, which are stored in it as its parts.

The text of a gist is extracted from its parts, or written by a callable. Either way the parts are stored in it as they
were, so that any one can be taken out again, by id, subject, tag or time, and nothing of it remains.
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
"""Takes the parts of a gist, oldest first, and returns its text."""
SOURCE = "gist"
_T = TypeVar("_T")
# Words that negate a statement (Horn 1989): two statements that differ in one of them say different things.
_NEGATIONS = frozenset({"no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot"})
_ALIKE = 0.9
_COMMON = 0.5


def extract(parts: Sequence[Memory], language: str | None = None) -> str:
    """The texts of the parts, a line each, without restatements: the default writer. language: that of the store."""
    kept: list[str] = []
    for part in parts:
        if not any(restates(part.text, text, language) for text in kept):
            kept.append(part.text)
    return "\n".join(kept)


def restates(one: str, other: str, language: str | None = None) -> bool:
    """Whether two texts say the same: nearly the same stems, and the same numbers, names and negations.

    language: as of `stems`: that of the store; None tells it by each text.
    """
    if canonical(one) == canonical(other):
        return True
    return _overlap(one, other, language) >= _ALIKE and _named(one, other) and _telling(one) == _telling(other)


def opposes(one: str, other: str, language: str | None = None) -> bool:
    """Whether one text denies the other: many stems in common, and a negation in one of them only."""
    return _overlap(one, other, language) >= _COMMON and _negations(one) != _negations(other)


def _overlap(one: str, other: str, language: str | None) -> float:
    """Stems that both texts have, as a share of the stems that either has (Jaccard)."""
    ours, theirs = set(stems(one, language)), set(stems(other, language))
    return len(ours & theirs) / max(len(ours | theirs), 1)


def _named(one: str, other: str) -> bool:
    """Whether each text has the words that are capitalized in the other, the first word aside: names, mostly."""
    return all(
        {word for token in first.split()[1:] if token[:1].isupper() for word in plain_words(token)}
        <= set(plain_words(second))
        for first, second in ((one, other), (other, one))
    )


def _telling(text: str) -> tuple[set[str], set[str]]:
    """The numbers and the negations of a text; texts in which they differ do not say the same."""
    return {word for word in plain_words(text) if any(map(str.isdigit, word))}, _negations(text)


def _negations(text: str) -> set[str]:
    found = _NEGATIONS & set(plain_words(text))
    return set(found) | ({"not"} if "n't" in text.casefold().replace("\u2019", "'") else set())


def compose(id: str, parts: Sequence[Memory], write: Writer = extract, language: str | None = None) -> Memory:
    """Makes a gist with this id from memories of one namespace. language: of the store, for `extract`.

    It is as old as its oldest part and as salient as its most salient one. Its tags, subject, speaker and session are
    those that all its parts share.
    """
    ordered = tuple(sorted(parts, key=lambda part: (part.created_at, part.id)))
    first = ordered[0]
    return Memory(
        id=id,
        namespace=first.namespace,
        text=extract(ordered, language) if write is extract else write(ordered),
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
        zone=first.zone,
        visible_to=first.visible_to,
    )


def again(gist: Memory, parts: Sequence[Memory], language: str | None = None) -> Memory:
    """A gist made again of other parts: what has ended stays so."""
    return replace(compose(gist.id, parts, language=language), valid_to=gist.valid_to)


def freed(part: Memory, gist: Memory) -> Memory:
    """A part that becomes a memory of its own: what had ended as part of a gist has ended."""
    ends = [end for end in (part.valid_to, gist.valid_to) if end is not None]
    return replace(part, valid_to=min(ends, default=None))


def without(
    gist: Memory, gone: Set[str], changed: Collection[Memory] = (), language: str | None = None
) -> Memory | None:
    """The gist without the parts in `gone`, and with those in `changed` replaced; None when fewer than two are left."""
    new = {part.id: part for part in changed}
    kept = [new.get(part.id, part) for part in gist.parts if part.id not in gone]
    return again(gist, kept, language) if len(kept) > 1 else None


def left(memory: Memory, due: Set[str], language: str | None = None) -> Memory | None:
    """What may be seen of a memory, or of the other parts of a gist, while `due` is to be erased; None for nothing."""
    if memory.id in due:
        return None
    kept = [part for part in memory.parts if part.id not in due]
    if len(kept) == len(memory.parts):
        return memory
    return again(memory, kept, language) if kept else None


def as_it_was(memory: Memory, at: datetime, language: str | None = None) -> Memory | None:
    """A gist of only the parts observed by `at`, None if there are none; any other memory unchanged."""
    if not memory.parts:
        return memory
    known = [part for part in memory.parts if part.created_at <= at]
    if len(known) == len(memory.parts):
        return memory
    if not known:
        return None
    # Even with one part left it is still the gist that was found, so it keeps its id and kind.
    return replace(again(memory, known, language), kind=memory.kind)


def _shared(values: Sequence[_T]) -> _T | None:
    """The value that all have, or None if they differ."""
    return values[0] if all(value == values[0] for value in values) else None
