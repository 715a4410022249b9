"""Fingerprints: a store recognizes a forgotten text by them, without keeping the text.

They are keyed hashes, and each store has keys of its own. They are copied together with the key that they were made
under, so that another store can refuse the texts too.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from memoria.canonical import canonical
from memoria.text.sketch import alike, sketch

PRINT_BYTES = 12


def fingerprint(key: bytes, text: str) -> bytes:
    """12 bytes of a keyed hash of the canonical form of a text, by which a forgotten text is recognized."""
    return hmac.digest(key, f"text\0{canonical(text)}".encode(), "sha256")[:PRINT_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """The texts forgotten in one namespace, as fingerprints and sketches under one key.

    key: of the namespace, in the store where they were forgotten. prints: 12 bytes a text, from `fingerprint`.
    sketches: 132 bytes a text, from `sketch`, only of texts guarded against similar ones too.
    """

    key: bytes = field(repr=False)
    prints: frozenset[bytes] = field(default=frozenset(), repr=False)
    sketches: frozenset[bytes] = field(default=frozenset(), repr=False)

    def know(self, text: str) -> bool:
        """Whether this text was forgotten, or is similar to one that was forgotten and has a sketch."""
        return bool(self.prints and fingerprint(self.key, text) in self.prints) or bool(self._near([text]))

    def without(self, texts: Iterable[str]) -> Fingerprints:
        """A copy without these texts and the sketches similar to them."""
        asked = list(texts)
        gone = {fingerprint(self.key, text) for text in asked}
        return replace(self, prints=self.prints - gone, sketches=self.sketches - self._near(asked))

    def _near(self, texts: Iterable[str]) -> frozenset[bytes]:
        """The sketches that any of the texts is similar to."""
        if not self.sketches:
            return frozenset()
        asked = [sketch(self.key, text) for text in texts]
        return frozenset(made for made in self.sketches if any(alike(made, one) for one in asked))

    def __len__(self) -> int:
        return len(self.prints) + len(self.sketches)
