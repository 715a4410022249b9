"""Lines in which a store keeps what it forgot: fingerprints joined, and, sealed, what was adopted from other stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memoria.stores import rows
from memoria.stores.sealing import KEY_BYTES, derived, new_key, seal, unseal
from memoria.text.fingerprints import NO_PRINT, PRINT_BYTES, Fingerprints

# Of a line: fingerprints and a sketch under the namespace's key, and what was adopted; and own and adopted ones that
# are sealed under a guard key outside of the store.
PRINTS, SKETCH, ADOPTED, OUTSIDE, OUTSIDE_ADOPTED = range(5)


def cut(lines: Iterable[tuple[bytes]]) -> Iterator[bytes]:
    """The fingerprints that lines hold; zeros are none."""
    for (blob,) in lines:
        found = (blob[at : at + PRINT_BYTES] for at in range(0, len(blob), PRINT_BYTES))
        yield from (mark for mark in found if mark != NO_PRINT)


def joined(prints: Iterable[bytes]) -> list[bytes]:
    """The line for fingerprints; none when there are none, or zeros only."""
    line = b"".join(mark for mark in prints if mark != NO_PRINT)
    return [line] if line else []


def sealed(key: bytes, one: Fingerprints) -> bytes:
    """A salt, and what was adopted under a key that is made of it, for a key seals one message only."""
    salt = new_key()
    packed = {
        "key": one.key.hex(),
        "prints": b"".join(sorted(one.prints)).hex(),
        "sketches": [made.hex() for made in sorted(one.sketches)],
        "until": rows.micros(one.until),
    }
    return salt + seal(derived(key, b"adopted", salt), packed, salt)


def opened(key: bytes, line: bytes) -> Fingerprints:
    """What `sealed` was given; raises StoreCorrupt when it does not open."""
    salt = line[:KEY_BYTES]
    packed = unseal(derived(key, b"adopted", salt), line[KEY_BYTES:], salt)
    return Fingerprints(
        key=bytes.fromhex(packed["key"]),
        prints=frozenset(cut([(bytes.fromhex(packed["prints"]),)])),
        sketches=frozenset(map(bytes.fromhex, packed["sketches"])),
        until=rows.time(packed.get("until")),
    )
