"""Fingerprints: by which a text that was forgotten is known again, without the text. Kept under the namespace's key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from memoria.canonical import canonical
from memoria.sketch import alike, sketch
from memoria.stores.sealing import blind

PRINT_BYTES = 12


def fingerprint(key: bytes, text: str) -> bytes:
    """By which a text is known again once it is forgotten: 12 bytes of a keyed hash of its canonical form."""
    return blind(key, "text", canonical(text))[:PRINT_BYTES]


def cut(lines: Iterable[tuple[bytes]]) -> Iterator[bytes]:
    """The fingerprints that lines hold."""
    for (blob,) in lines:
        yield from (blob[at : at + PRINT_BYTES] for at in range(0, len(blob), PRINT_BYTES))


def near(key: bytes, text: str, sketches: Sequence[bytes]) -> bool:
    """Whether a text is nearly one of which there is a sketch."""
    if not sketches:
        return False
    made = sketch(key, text)
    return any(alike(made, other) for other in sketches)


def apart(key: bytes, texts: Sequence[str], sketches: Sequence[bytes]) -> list[bytes]:
    """The sketches that none of the texts is near to."""
    asked = [sketch(key, text) for text in texts]
    return [made for made in sketches if not any(alike(made, one) for one in asked)]
