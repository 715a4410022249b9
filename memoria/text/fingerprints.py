"""Fingerprints: a store recognizes a forgotten text by them, without keeping the text.

They are keyed, and each store has keys of its own; so that what was forgotten in one is refused in another, they travel
with the key they were made under. A fingerprint is of a text and of whom it is about: 8 bytes of the text, by which it
is found whoever asks, and 4 bytes of text and subject. A brief text (brief.py) has none.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from memoria.audience import Audience, written
from memoria.canonical import canonical
from memoria.text.brief import brief
from memoria.text.sketch import SKETCH_BYTES, asked, sketch
from memoria.types import Memory

PRINT_BYTES = 12
NO_PRINT = bytes(PRINT_BYTES)
"""In the place of a fingerprint: there is none."""
_TEXT_BYTES = 8


class Statement(NamedTuple):
    """A text, and whom or what it is about: what is guarded when it is forgotten.

    Attributes:
        text: in any form; it is compared in canonical form.
        subject: None when nobody said.
        visible_to: for whom it is; None for everybody. What was forgotten for one audience is refused for that one
            alone, and what was forgotten for everybody for each.
    """

    text: str
    subject: str | None = None
    visible_to: Audience = None


def stated(memory: Memory) -> Statement:
    """What a memory says, and of what."""
    return Statement(memory.text, memory.subject, memory.visible_to)


def fingerprint(key: bytes, statement: Statement) -> bytes:
    """By which a statement is known again once it is forgotten.

    Args:
        key: of the namespace.
        statement: text and subject.

    Returns:
        12 bytes of keyed hashes of their canonical forms; zeros for a brief text, which is never guarded. Without
        a subject they are all of the text, as they are in stores that knew no subjects.
    """
    said = canonical(statement.text)
    return NO_PRINT if brief(said) else _print(audience_key(key, statement), said, statement.subject)


def audience_key(key: bytes, statement: Statement) -> bytes:
    """The key of the fingerprints and sketches of what only some may see; for everybody, that of the namespace."""
    if statement.visible_to is None:
        return key
    return hmac.digest(key, b"visible\0" + written(statement.visible_to).encode(), "sha256")


def sketched(key: bytes, statement: Statement) -> bytes:
    """The sketch by which what is nearly a statement is known, under the key of a namespace."""
    return sketch(audience_key(key, statement), statement.text, statement.subject)


def beginnings(key: bytes, statement: Statement) -> list[bytes]:
    """What the fingerprints begin with by which a statement may be known, under the key of a namespace.

    Args:
        key: of the namespace.
        statement: the statement; its subject makes no difference.

    Returns:
        8 bytes each, one for each audience; none for a brief text.
    """
    said = canonical(statement.text)
    return [] if brief(said) else [_print(one, said, None)[:_TEXT_BYTES] for one in _keys(key, statement)]


def _keys(key: bytes, statement: Statement) -> tuple[bytes, ...]:
    """Under which a statement may have been guarded: for everybody, and for its audience."""
    return tuple(dict.fromkeys((key, audience_key(key, statement))))


def _print(key: bytes, said: str, subject: str | None) -> bytes:
    plain = hmac.digest(key, f"text\0{said}".encode(), "sha256")[:PRINT_BYTES]
    if subject is None:
        return plain
    about = hmac.digest(key, f"subject\0{canonical(subject)}\0{said}".encode(), "sha256")
    return plain[:_TEXT_BYTES] + about[: PRINT_BYTES - _TEXT_BYTES]


def guardable(statement: Statement) -> bool:
    """Whether a statement can be guarded at all: its text is not brief."""
    return not brief(canonical(statement.text))


def made(
    key: bytes, statements: Iterable[Statement], *, near: bool = False, until: datetime | None = None
) -> Fingerprints:
    """The fingerprints of statements, or, if `near`, their sketches; of a brief text none.

    Args:
        key: of the namespace.
        statements: texts, each with its subject.
        near: whether sketches are made.
        until: as of `Fingerprints`.

    Returns:
        They may be empty.
    """
    kept = [one for one in statements if guardable(one)]
    if near:
        return Fingerprints(key=key, sketches=frozenset(sketched(key, one) for one in kept), until=until)
    return Fingerprints(key=key, prints=frozenset(fingerprint(key, one) for one in kept), until=until)


def gathered(known: Iterable[Fingerprints]) -> list[Fingerprints]:
    """Fingerprints, those of one key and one end together; none of them is empty."""
    found: dict[tuple[bytes, datetime | None], list[Fingerprints]] = {}
    for one in known:
        found.setdefault((one.key, one.until), []).append(one)
    joined = [
        Fingerprints(
            key=key,
            prints=frozenset[bytes]().union(*(one.prints for one in some)),
            sketches=frozenset[bytes]().union(*(one.sketches for one in some)),
            until=until,
        )
        for (key, until), some in found.items()
    ]
    return [one for one in joined if len(one)]


class Prints:
    """Fingerprints in a form that is searched, and grows. Zeros are none."""

    def __init__(self, prints: Iterable[bytes] = ()) -> None:
        self.all: set[bytes] = set()
        self._texts: set[bytes] = set()
        self.update(prints)

    def update(self, prints: Iterable[bytes]) -> None:
        """Adds fingerprints."""
        fresh = [one for one in prints if one != NO_PRINT]
        self.all.update(fresh)
        self._texts.update(one[:_TEXT_BYTES] for one in fresh)

    def know(self, key: bytes, statement: Statement) -> bool:
        """Whether this text was forgotten of this subject, or of one that was not given, then or now."""
        if not self.all:
            return False
        said = canonical(statement.text)
        return not brief(said) and any(self._knows(one, said, statement.subject) for one in _keys(key, statement))

    def _knows(self, key: bytes, said: str, subject: str | None) -> bool:
        plain = _print(key, said, None)
        if plain[:_TEXT_BYTES] not in self._texts:
            return False
        return subject is None or not self.all.isdisjoint((plain, _print(key, said, subject)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """The texts forgotten in one namespace, as fingerprints and sketches under one key.

    Attributes:
        key: of the namespace, in the store where it was forgotten.
        prints: 12 bytes for each statement, of `fingerprint`; none are zeros.
        sketches: 152 bytes for each statement of which near texts are refused too, of `sketch`.
        until: from when they are to be erased, so that they refuse nothing any more; None is never.
    """

    key: bytes = field(repr=False)
    prints: frozenset[bytes] = field(default=frozenset(), repr=False)
    sketches: frozenset[bytes] = field(default=frozenset(), repr=False)
    until: datetime | None = None
    _found: Prints = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_found", Prints(self.prints))
        # Those of older stores end before the subject.
        object.__setattr__(self, "sketches", frozenset(one.ljust(SKETCH_BYTES, b"\0") for one in self.sketches))

    def know(self, statement: Statement) -> bool:
        """Whether this was forgotten, or is near to what is guarded so: of this subject, or where none was given."""
        return self._found.know(self.key, statement) or bool(self._near([statement]))

    def without(self, statements: Collection[Statement]) -> Fingerprints:
        """The same without all by which any of these is known."""
        gone = frozenset[bytes]().union(*(self._met(one) for one in statements))
        return replace(self, prints=self.prints - gone, sketches=self.sketches - self._near(statements))

    def _met(self, statement: Statement) -> frozenset[bytes]:
        """The fingerprints by which a statement is known."""
        if not self._found.know(self.key, statement):
            return frozenset()
        said = canonical(statement.text)
        found: set[bytes] = set()
        for key in _keys(self.key, statement):
            plain = _print(key, said, None)
            if statement.subject is not None:
                found |= {plain, _print(key, said, statement.subject)}
            else:
                found |= {one for one in self.prints if one[:_TEXT_BYTES] == plain[:_TEXT_BYTES]}
        return frozenset(found)

    def _near(self, statements: Iterable[Statement]) -> frozenset[bytes]:
        """The sketches that any of the statements is near to."""
        if not self.sketches:
            return frozenset()
        compared = [
            asked(key, one.text, one.subject) for one in statements if guardable(one) for key in _keys(self.key, one)
        ]
        return frozenset(made for made in self.sketches if any(one.near(made) for one in compared))

    def __len__(self) -> int:
        return len(self.prints) + len(self.sketches)
