"""Sketches: tell whether a text is similar to one that was forgotten, without keeping that text.

MinHash (Broder 1997) over keyed hashes of the stems: each of 32 minima is equal in two texts with the probability given
by the overlap of their sets of stems (Jaccard). A keyed hash of the numbers follows: texts with other numbers differ.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from memoria.canonical import canonical
from memoria.text.words import stems

_MINIMA = 32
_WIDTH = 4
SKETCH_BYTES = (_MINIMA + 1) * _WIDTH
# Texts with at least this estimated overlap of stems are similar.
NEAR = 0.6


def sketch(key: bytes, text: str) -> bytes:
    """132 bytes: the minima of the stems of `text` under `key`, and the hash of its numbers."""
    words = set(stems(canonical(text)))
    minima = [b"\xff" * _WIDTH] * _MINIMA
    for word in words:
        stream = _keyed(key, "word " + word)
        minima = [min(least, stream[at * _WIDTH : (at + 1) * _WIDTH]) for at, least in enumerate(minima)]
    numbers = _keyed(key, "numbers " + " ".join(sorted(word for word in words if any(map(str.isdigit, word)))))
    return b"".join(minima) + numbers[:_WIDTH]


def alike(one: bytes, other: bytes) -> bool:
    """Whether two sketches under the same key are of similar texts."""
    if one[-_WIDTH:] != other[-_WIDTH:]:
        return False
    ours, theirs = (struct.unpack(f">{_MINIMA}I", made[:-_WIDTH]) for made in (one, other))
    agreeing = sum(map(int.__eq__, ours, theirs))
    return agreeing >= NEAR * _MINIMA


def _keyed(key: bytes, message: str) -> bytes:
    """128 bytes of a keyed hash."""
    return hashlib.shake_256(hmac.new(key, message.encode(), hashlib.sha256).digest()).digest(_MINIMA * _WIDTH)
