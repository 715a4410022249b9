"""Slot files of a sealed store: each slot is sealed where it stands, and an empty one is all zeros still.

A slot is sealed under a key of its file, with a random nonce, and bound to the number of the file and its own; so it
opens in no other place. Whatever is changed in a slot, its fingerprint or its padding included, is seen by its tag. The
fingerprint is sealed apart, so that forgetting leaves it as it is and zeros all else in one write.

Keys and ids are read without the tag where there are many: the ciphertext of GCM is that of counter mode.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from memoria.errors import StoreCorrupt
from memoria.stores.disk import Disk, read_at
from memoria.stores.local.descriptors import OpenFiles
from memoria.stores.local.slots import (
    COPY_AT,
    COUNTS,
    COUNTS_AT,
    HEADER_BYTES,
    SEALED_VERSION,
    SECTOR,
    SlotFile,
    create_clear,
    head,
    make_file,
)
from memoria.stores.sealing import KEY_BYTES, new_key
from memoria.stores.vault import MAC_BYTES, NONCE_BYTES, OVERHEAD, TAG_BYTES, Vault, opened_under, sealed_under
from memoria.text.fingerprints import NO_PRINT, PRINT_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Bools, Ints, Vectors

_ID_BYTES = 16
_TAG_AT = NONCE_BYTES
_PRINT_AT = _TAG_AT + TAG_BYTES
_BODY_AT = _PRINT_AT + PRINT_BYTES + OVERHEAD
_VECTOR_AT = _ID_BYTES + KEY_BYTES
_HEAD_BYTES = 68
_KEYS_BYTES = 2 * KEY_BYTES + OVERHEAD
_PLACE = struct.Struct("<QQ")
_BLOCK = 16
# GCM begins to encrypt with the second value of its counter.
_FIRST_BLOCK = 2
_AT_ONCE = 65_536
_USE = "slots"
_COPIES_BYTES = COUNTS.size + MAC_BYTES


def sealed_slot_bytes(dimension: int) -> int:
    """Size of a sealed slot: 116 bytes and the fp16 vector, rounded up to whole 512-byte sectors."""
    return -(-(_BODY_AT + _VECTOR_AT + 2 * dimension) // SECTOR) * SECTOR


@cache
def _dtype(size: int) -> np.dtype[Any]:
    """A sealed slot as numpy sees it."""
    return np.dtype(
        {
            "names": ["nonce", "tag", "print", "body"],
            "formats": [
                (np.uint8, (some,)) for some in (NONCE_BYTES, TAG_BYTES, _BODY_AT - _PRINT_AT, size - _BODY_AT)
            ],
            "offsets": [0, _TAG_AT, _PRINT_AT, _BODY_AT],
            "itemsize": size,
        }
    )


class SealedSlotFile(SlotFile):
    """One slot file of a sealed store."""

    _version = SEALED_VERSION

    def __init__(self, path: Path, disk: Disk, vault: Vault, *, writable: bool, among: OpenFiles | None = None) -> None:
        self._vault = vault
        super().__init__(path, disk, writable=writable, among=among)

    def _slot_bytes(self, dimension: int) -> int:
        return sealed_slot_bytes(dimension)

    def _dtype(self) -> np.dtype[Any]:
        return _dtype(self.slot_size)

    def _read_keys(self, header: bytes, key: bytes) -> None:
        """In the place of the key is a salt; namespace key and store.key are sealed, and bound to what is before."""
        self._own = self._vault.key(_USE, key)
        sealed = header[COPY_AT : COPY_AT + _KEYS_BYTES]
        keys = opened_under(self._own, sealed, header[:_HEAD_BYTES])
        if keys is None:
            raise StoreCorrupt(
                f"{self.path} does not open under the key of this store: it was changed, or is another's"
            )
        self.key, self.store_key = keys[:KEY_BYTES], keys[KEY_BYTES:]
        self._gcm = AESGCM(self._own)
        self._blocks = Cipher(AES(self._own), ECB()).encryptor()

    def _counted(self, sequence: int, acknowledged: int, written: int, length: int) -> bytes:
        counted = COUNTS.pack(sequence, acknowledged, written, length)
        return counted + hmac.digest(self._own, b"counts" + counted, "sha256")[:MAC_BYTES]

    # -- writing --

    def _pack(self, slot: int, key: bytes, id: bytes, mark: bytes, vector: NDArray[Any]) -> bytes:
        place = _PLACE.pack(self.number, slot)
        sealed = bytes(_BODY_AT - _PRINT_AT) if mark == NO_PRINT else sealed_under(self._own, mark, b"print" + place)
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = (id + key + vector.tobytes()).ljust(self.slot_size - _BODY_AT, b"\0")
        made = self._gcm.encrypt(nonce, body, place + sealed)
        return nonce + made[-TAG_BYTES:] + sealed + made[:-TAG_BYTES]

    def put_print(self, slot: int, mark: bytes) -> None:
        """Writes, unsynced, the fingerprint of a forgotten slot into an empty one."""
        sealed = sealed_under(self._own, mark, b"print" + _PLACE.pack(self.number, slot))
        self._disk.write(self._fd, sealed, self._offset(slot) + _PRINT_AT)

    def hold(self, slots: int) -> None:
        """Makes room for so many slots."""
        self._reserve(slots)

    # -- reading --

    def _body(self, slot: int, raw: bytes) -> bytes | None:
        """Id, key, vector and padding of a slot; None when anything in it was changed."""
        bound = _PLACE.pack(self.number, slot) + raw[_PRINT_AT:_BODY_AT]
        try:
            return self._gcm.decrypt(raw[:NONCE_BYTES], raw[_BODY_AT:] + raw[_TAG_AT:_PRINT_AT], bound)
        except InvalidTag:
            return None

    def _heads(self, slots: Ints, size: int) -> NDArray[np.uint8]:
        """The first `size` bytes of each body, its tag not verified, shape (n, size); zeros where it is empty."""
        blocks = -(-size // _BLOCK)
        found = self.view[np.asarray(slots, np.int64)]
        counters = np.empty((len(found), blocks, _BLOCK), np.uint8)
        counters[:, :, :NONCE_BYTES] = found["nonce"][:, None]
        counted = np.arange(_FIRST_BLOCK, _FIRST_BLOCK + blocks, dtype=">u4")
        counters[:, :, NONCE_BYTES:] = counted.view(np.uint8).reshape(blocks, 4)
        stream = np.frombuffer(self._blocks.update(counters.tobytes()), np.uint8).reshape(len(found), blocks * _BLOCK)
        plain: NDArray[np.uint8] = stream[:, :size] ^ found["body"][:, :size]
        plain[~found["nonce"].any(axis=1)] = 0
        return plain

    def _many(self, slots: Ints, size: int) -> NDArray[np.uint8]:
        """`_heads`, a part at a time."""
        asked = np.asarray(slots, np.int64)
        parts = [self._heads(asked[at : at + _AT_ONCE], size) for at in range(0, len(asked), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, size), np.uint8)

    def id(self, slot: int) -> bytes:
        raw = read_at(self._fd, _BODY_AT + _ID_BYTES, self._offset(slot)).ljust(_BODY_AT + _ID_BYTES, b"\0")
        if not any(raw[:NONCE_BYTES]):
            return bytes(_ID_BYTES)
        stream = self._blocks.update(raw[:NONCE_BYTES] + _FIRST_BLOCK.to_bytes(4, "big"))
        return (int.from_bytes(stream) ^ int.from_bytes(raw[_BODY_AT:])).to_bytes(_ID_BYTES)

    def ids(self, slots: Ints) -> NDArray[Any]:
        return np.ascontiguousarray(self._many(slots, _ID_BYTES)).view(f"V{_ID_BYTES}").reshape(-1)

    def key_of(self, slot: int) -> bytes:
        return self.holders([slot])[0][1]

    def holders(self, slots: Sequence[int]) -> list[tuple[bytes, bytes]]:
        found = self._many(np.asarray(slots, np.int64), _VECTOR_AT)
        return [(one[:_ID_BYTES], one[_ID_BYTES:]) for one in map(bytes, found)]

    def entry(self, slot: int) -> tuple[bytes, Vectors]:
        body = self._body(slot, self.raw(slot))
        if body is None:
            raise StoreCorrupt(f"{self.path}: slot {slot} was changed")
        return body[_ID_BYTES:_VECTOR_AT], self._vector(body).astype(np.float32)

    def vectors(self, slots: Ints) -> Vectors:
        """Vectors in slots, shape (n, d), float32; zeros where forgotten or changed."""
        size = 2 * self.dimension
        asked = np.asarray(slots, np.int64)
        found, nothing = self.view[asked], bytes(size)
        joined, step = found.tobytes(), self.slot_size
        made = []
        for n, slot in enumerate(asked.tolist()):
            raw = joined[n * step : (n + 1) * step]
            body = self._body(slot, raw) if any(raw[:NONCE_BYTES]) else None
            made.append(nothing if body is None else body[_VECTOR_AT : _VECTOR_AT + size])
        return np.frombuffer(b"".join(made), "<f2").reshape(len(asked), self.dimension).astype(np.float32)

    def _vector(self, body: bytes) -> NDArray[Any]:
        return np.frombuffer(body, "<f2", self.dimension, _VECTOR_AT)

    def signs(self, count: int) -> NDArray[np.uint32]:
        some = self.view[:count]
        heads = np.concatenate([some["nonce"], some["tag"], some["print"]], axis=1)
        return np.ascontiguousarray(heads).view(np.uint32).reshape(count, _BODY_AT // 4)

    def id_in(self, slot: int, raw: bytes) -> bytes:
        return (self._body(slot, raw) or bytes(_ID_BYTES))[:_ID_BYTES]

    def marks(self, slots: Iterable[int]) -> list[bytes]:
        asked = np.fromiter(slots, np.int64)
        return [
            self._mark(slot, bytes(raw)) or NO_PRINT
            for slot, raw in zip(asked.tolist(), self._sealed(asked), strict=True)
        ]

    def _sealed(self, slots: Ints) -> Any:
        return self.view["print"][slots] if len(slots) else ()

    def _mark(self, slot: int, raw: bytes) -> bytes | None:
        """A fingerprint; None when it was changed."""
        return opened_under(self._own, raw, b"print" + _PLACE.pack(self.number, slot)) if any(raw) else NO_PRINT

    def _printed(self) -> Ints:
        return np.flatnonzero(self.view["print"].any(axis=1)).astype(np.int64)

    def intact(self, slot: int) -> bool:
        """Whether the tags of a slot hold; of an empty or forgotten one, whether nothing but a fingerprint is there."""
        raw = self.raw(slot)
        if not any(raw[:_PRINT_AT] + raw[_BODY_AT:]):
            return self._mark(slot, raw[_PRINT_AT:_BODY_AT]) is not None
        return self._body(slot, raw) is not None

    def damaged(self, slot: int) -> bool:
        raw = self.raw(slot)
        return any(raw[:_PRINT_AT] + raw[_BODY_AT:]) and self._body(slot, raw) is None

    def torn(self, slot: int) -> bool:
        raw = bytearray(self.raw(slot))
        whole = self._body(slot, bytes(raw)) is not None
        raw[_PRINT_AT:_BODY_AT] = bytes(_BODY_AT - _PRINT_AT)
        return not whole and any(not any(raw[at : at + SECTOR]) for at in range(0, len(raw), SECTOR))

    def used(self) -> Ints:
        if not self.capacity:
            return np.zeros(0, np.int64)
        words = np.frombuffer(self.view, dtype=np.uint32).reshape(self.capacity, -1)
        parts = [_filled(words[at : at + _AT_ONCE]) for at in range(0, self.capacity, _AT_ONCE)]
        return np.flatnonzero(np.concatenate(parts)).astype(np.int64)

    # -- checking --

    def wrong_in_header(self) -> str | None:
        """What was changed in the header that is not seen when it is read; None when nothing was."""
        header = read_at(self._fd, HEADER_BYTES, 0)
        known = [(0, _HEAD_BYTES), (COPY_AT, COPY_AT + _KEYS_BYTES), *((at, at + _COPIES_BYTES) for at in COUNTS_AT)]
        at = 0
        for first, last in known:
            if any(header[at:first]):
                return "something is written between the fields of its header"
            at = last
        if any(header[at:]):
            return "something is written behind the fields of its header"
        for first, last in known[2:]:
            if any(header[first:last]) and header[first:last] != self._counted(*COUNTS.unpack_from(header, first)):
                return "a copy of its counts was changed"
        return None

    def mend_header(self) -> None:
        """Writes zeros between the fields of the header, and both copies of the counts."""
        ends = [_HEAD_BYTES, COPY_AT + _KEYS_BYTES, *(at + _COPIES_BYTES for at in COUNTS_AT)]
        begins = [COPY_AT, *COUNTS_AT, HEADER_BYTES]
        for first, last in zip(ends, begins, strict=True):
            self._disk.write(self._fd, bytes(last - first), first)
        assert self.acknowledged is not None
        assert self.written is not None
        for _ in COUNTS_AT:
            self.count(self.acknowledged, self.written)
        self.sync()

    def changed_prints(self) -> list[int]:
        """Forgotten slots whose fingerprint was changed."""
        gone = self.ghosts()
        sealed = self._sealed(np.asarray(gone, np.int64))
        return [slot for slot, raw in zip(gone, sealed, strict=True) if self._mark(slot, bytes(raw)) is None]


def _filled(words: NDArray[np.uint32]) -> Bools:
    """Which rows are not all zeros, apart from the fingerprint. words: shape (n, slot size / 4)."""
    filled: Bools = np.logical_or(words[:, : _PRINT_AT // 4].any(axis=1), words[:, _BODY_AT // 4 :].any(axis=1))
    return filled


def open_slots(
    path: Path, disk: Disk, vault: Vault | None, *, writable: bool, among: OpenFiles | None = None
) -> SlotFile:
    """A slot file of a store, which is sealed or not. Raises StoreCorrupt when it is not one."""
    if vault is None:
        return SlotFile(path, disk, writable=writable, among=among)
    return SealedSlotFile(path, disk, vault, writable=writable, among=among)


def create_slots(
    folder: Path,
    number: int,
    dimension: int,
    disk: Disk,
    vault: Vault | None,
    store_key: bytes,
    key: bytes | None = None,
    *,
    among: OpenFiles | None = None,
) -> SlotFile:
    """Makes a slot file as `create_clear` does, sealed when there is a vault."""
    if vault is None:
        return create_clear(folder, number, dimension, disk, store_key, key, among=among)
    return create_sealed(
        folder, number, dimension, disk, vault, store_key, new_key() if key is None else key, among=among
    )


def create_sealed(
    folder: Path,
    number: int,
    dimension: int,
    disk: Disk,
    vault: Vault,
    store_key: bytes,
    key: bytes,
    *,
    among: OpenFiles | None = None,
) -> SealedSlotFile:
    """Makes a sealed slot file for the namespace of a key."""
    salt = new_key()
    header = head(SEALED_VERSION, sealed_slot_bytes(dimension), dimension, number, salt)
    own = vault.key(_USE, salt)
    header += bytes(COPY_AT - len(header)) + sealed_under(own, key + store_key, header)
    counted = COUNTS.pack(2, 0, 0, 0)
    header = header.ljust(COUNTS_AT[0], b"\0") + counted
    header += hmac.digest(own, b"counts" + counted, "sha256")[:MAC_BYTES]
    path = make_file(folder, number, header, disk)
    return SealedSlotFile(path, disk, vault, writable=True, among=among)
