"""Fingerprints: by which a store knows a text that was forgotten, without the text.

They are keyed, and each store has keys of its own; so that what was forgotten in one is refused in another, they travel
with the key they were made under.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from memoria.canonical import canonical
from memoria.text.sketch import alike, sketch

PRINT_BYTES = 12


def fingerprint(key: bytes, text: str) -> bytes:
    """By which a text is known again once it is forgotten: 12 bytes of a keyed hash of its canonical form."""
    return hmac.digest(key, f"text\0{canonical(text)}".encode(), "sha256")[:PRINT_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """What was forgotten in one namespace, as it is known under one key.

    key: of the namespace, in the store where it was forgotten. prints: 12 bytes a text, of `fingerprint`.
    sketches: 132 bytes a text, of `sketch`, for those whose near likes are refused too.
    """

    key: bytes = field(repr=False)
    prints: frozenset[bytes] = field(default=frozenset(), repr=False)
    sketches: frozenset[bytes] = field(default=frozenset(), repr=False)

    def know(self, text: str) -> bool:
        """Whether this text was forgotten, or is near one that is guarded so."""
        return bool(self.prints and fingerprint(self.key, text) in self.prints) or bool(self._near([text]))

    def without(self, texts: Iterable[str]) -> Fingerprints:
        """The same, but for these texts and what is near them."""
        asked = list(texts)
        gone = {fingerprint(self.key, text) for text in asked}
        return replace(self, prints=self.prints - gone, sketches=self.sketches - self._near(asked))

    def _near(self, texts: Iterable[str]) -> frozenset[bytes]:
        """The sketches that any of the texts is near to."""
        if not self.sketches:
            return frozenset()
        asked = [sketch(self.key, text) for text in texts]
        return frozenset(made for made in self.sketches if any(alike(made, one) for one in asked))

    def __len__(self) -> int:
        return len(self.prints) + len(self.sketches)
