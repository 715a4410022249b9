"""Fingerprints as a store keeps them: under the key of the namespace, and those of other stores sealed under it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence

from memoria.fingerprints import PRINT_BYTES, Fingerprints
from memoria.sketch import alike, sketch
from memoria.stores.sealing import KEY_BYTES, new_key, seal, unseal

# What a line of `forgotten` holds: fingerprints joined, a sketch, or what was adopted from another store.
PRINTS, SKETCH, ADOPTED = 0, 1, 2


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


def own(key: bytes, prints: Iterable[bytes], sketches: Iterable[bytes]) -> frozenset[Fingerprints]:
    """What is known under the key of the namespace itself; nothing when that is nothing."""
    one = Fingerprints(key=key, prints=frozenset(prints), sketches=frozenset(sketches))
    return frozenset([one] if len(one) else [])


def sealed(key: bytes, one: Fingerprints) -> bytes:
    """A salt, and what was adopted under a key that is made of it, for a key seals one message only."""
    salt = new_key()
    packed = {
        "key": one.key.hex(),
        "prints": b"".join(sorted(one.prints)).hex(),
        "sketches": [made.hex() for made in sorted(one.sketches)],
    }
    return salt + seal(_adopting(key, salt), packed, salt)


def opened(key: bytes, line: bytes) -> Fingerprints:
    """What `sealed` sealed; raises StoreCorrupt."""
    salt = line[:KEY_BYTES]
    packed = unseal(_adopting(key, salt), line[KEY_BYTES:], salt)
    return Fingerprints(
        key=bytes.fromhex(packed["key"]),
        prints=frozenset(cut([(bytes.fromhex(packed["prints"]),)])),
        sketches=frozenset(map(bytes.fromhex, packed["sketches"])),
    )


def _adopting(key: bytes, salt: bytes) -> bytes:
    return hmac.digest(key, b"adopted" + salt, "sha256")
