"""Sketches: tell whether a text is similar to one that was forgotten, without keeping that text.

MinHash (Broder 1997) over keyed hashes of the stems: each of 32 minima agrees with the chance that the word sets
overlap by (Jaccard). Beside them stands a keyed hash of the numbers: a text with other numbers says something else.
So does a text about another subject, and one with another name in the place of a name: a sketch ends with a keyed hash
of the subject, and hashes of names. Both are salted with what stands before, so that they tell nothing of two sketches.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from memoria.canonical import canonical
from memoria.text.language import ENGLISH
from memoria.text.words import plain_words, stemmed

_MINIMA = 32
_WIDTH = 4
_NAMES = 4
# Sketches of older stores have only this part.
BODY_BYTES = (_MINIMA + 1) * _WIDTH
SKETCH_BYTES = BODY_BYTES + (1 + _NAMES) * _WIDTH
_NONE = bytes(_WIDTH)
# From this estimated overlap of words on, two texts are nearly the same.
NEAR = 0.6
# Words of the sketches of older stores.
_RUN = re.compile(r"\w+(?:['\u2019]\w+)?")
_APOSTROPHE = re.compile(r"['\u2019]")
_WORD = re.compile(r"[^\W\d_][\w'\u2019]*")
# What stands before a word that begins a sentence, whatever opens between them.
_BEGINS = re.compile(r"(?:^|[.!?\u2026\n])[\s\"'(\[\u2018\u201c\u00ab]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text cut into words in one way.

    Attributes:
        body: the sketch of the text without its end.
        words: its stems.
        names: stems of the words that it writes with a capital inside a sentence.
    """

    body: bytes
    words: frozenset[str]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A text that is compared with sketches, under their key.

    Attributes:
        key: what the sketches are keyed by.
        subject: whom or what the text is about; None when nobody said.
        readings: the text as it is cut into words, and as older versions cut it if that differs.
    """

    key: bytes
    subject: str | None
    readings: tuple[Reading, ...]

    def near(self, made: bytes) -> bool:
        """Whether this is nearly the text that a sketch was made of, and says it of the same."""
        return any(self._near(reading, made) for reading in self.readings)

    def _near(self, reading: Reading, made: bytes) -> bool:
        body, about, names = made[:BODY_BYTES], made[BODY_BYTES:][:_WIDTH], made[BODY_BYTES + _WIDTH :]
        if not alike(body, reading.body):
            return False
        if self.subject is not None and about not in (b"", _NONE, _about(self.key, body, self.subject)):
            return False
        # Another name in the place of a name; one that is only added, or left out, changes nothing.
        return not (self._lacks(reading, body, names) and self._adds(reading, body))

    def _lacks(self, reading: Reading, body: bytes, names: bytes) -> bool:
        """Whether a name of the other text is not in this one."""
        ours = {_name(self.key, body, word) for word in reading.words}
        return any(one not in ours for one in _cut(names) if one != _NONE)

    def _adds(self, reading: Reading, body: bytes) -> bool:
        """Whether a name in this text is certainly not in the other: one of its hashes is under the minimum."""
        least = list(_cut(body))[:_MINIMA]
        return any(any(map(bytes.__lt__, _cut(_keyed(self.key, "word " + word)), least)) for word in reading.names)


def asked(key: bytes, text: str, subject: str | None = None) -> Asked:
    """A text as it is compared with sketches that were made under `key`."""
    ways = [_sketched] if text.isascii() else [_sketched, _unsegmented]
    readings = tuple(dict.fromkeys(_reading(key, text, way) for way in ways))
    return Asked(key=key, subject=subject, readings=readings)


def _reading(key: bytes, text: str, cut: Callable[[str], list[str]]) -> Reading:
    words = frozenset(cut(canonical(text)))
    return Reading(body=_body(key, words), words=words, names=tuple(_names(text, cut)))


def _sketched(text: str) -> list[str]:
    """Words of a sketch. It is kept, so they do not depend on which language a text is taken for."""
    return stemmed(plain_words(text), ENGLISH)


def _unsegmented(text: str) -> list[str]:
    """The same in sketches of older stores: a clause without spaces is one word, and a mark ends one."""
    return stemmed([_APOSTROPHE.split(word)[0] for word in _RUN.findall(text.casefold())], ENGLISH)


def sketch(key: bytes, text: str, subject: str | None = None) -> bytes:
    """152 bytes: minima of the stems of `text` under `key`, and hashes of its numbers, subject and first names."""
    made = _reading(key, text, _sketched)
    about = _NONE if subject is None else _about(key, made.body, subject)
    names = sorted(_name(key, made.body, word) for word in made.names)[:_NAMES]
    return (made.body + about + b"".join(names)).ljust(SKETCH_BYTES, b"\0")


def alike(one: bytes, other: bytes) -> bool:
    """Whether the first 132 bytes of two sketches under one key are of nearly the same words and of equal numbers."""
    if one[_MINIMA * _WIDTH : BODY_BYTES] != other[_MINIMA * _WIDTH : BODY_BYTES]:
        return False
    ours, theirs = (struct.unpack_from(f">{_MINIMA}I", made) for made in (one, other))
    agreeing = sum(map(int.__eq__, ours, theirs))
    return agreeing >= NEAR * _MINIMA


def _body(key: bytes, words: frozenset[str]) -> bytes:
    minima = [b"\xff" * _WIDTH] * _MINIMA
    for word in words:
        minima = list(map(min, minima, _cut(_keyed(key, "word " + word))))
    numbers = _keyed(key, "numbers " + " ".join(sorted(word for word in words if any(map(str.isdigit, word)))))
    return b"".join(minima) + numbers[:_WIDTH]


def _names(text: str, cut: Callable[[str], list[str]]) -> list[str]:
    """Stems of words with a capital that begin no sentence, in order, once each."""
    capitals = (match for match in _WORD.finditer(text) if match[0][0].isupper())
    inside = (match[0] for match in capitals if not _BEGINS.search(text, max(0, match.start() - 8), match.start()))
    return list(dict.fromkeys(stem for word in inside for stem in cut(canonical(word))))


def _about(key: bytes, body: bytes, subject: str) -> bytes:
    return _salted(key, body, "about " + canonical(subject))


def _name(key: bytes, body: bytes, word: str) -> bytes:
    return _salted(key, body, "name " + word)


def _salted(key: bytes, salt: bytes, message: str) -> bytes:
    return hmac.digest(key, salt + message.encode(), "sha256")[:_WIDTH]


def _cut(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _WIDTH] for at in range(0, len(data), _WIDTH))


def _keyed(key: bytes, message: str) -> bytes:
    """128 bytes of a keyed hash."""
    return hashlib.shake_256(hmac.new(key, message.encode(), hashlib.sha256).digest()).digest(_MINIMA * _WIDTH)
