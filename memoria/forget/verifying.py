"""Verifying a forget: the store is asked what is left, and its files are searched for what stands there by no chance.

What is bound to a memory (slot, row, places in indexes) is asked for exactly, so a text of two letters needs no
search. Bytes are searched for only where a find proves something: not for fewer than 8, nor for words that the files
have whatever was remembered. In a file that is none of the store's, a short text counts where it stands as a value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from memoria.derived.lineage import living
from memoria.errors import MemoryNotFound
from memoria.forget.residue import Find, scan, text_secrets
from memoria.protocols import Progress, Store
from memoria.text.parts import leaves
from memoria.types import Secret, Verification, Where

_TWINS = 10
_CONTROLS = 1000
# Fewer bytes than these stand by chance in any file of random bytes, such as sealed rows, or in a word of the schema.
_TELLING = 8
# A vector of fewer different bytes is mostly zeros, as a free page is; only a long one says something.
_DISTINCT = 4
_LONG = 64
# The forms of a text by which texts are counted.
_TEXTS = ("text", "text utf-8")
_LARGEST_STRAY = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What must be nowhere once it is erased. bound: what the store remembers of it. ids: of all that goes."""

    secrets: tuple[Secret, ...]
    ids: tuple[str, ...]
    bound: object


def sought(store: Store, secrets: Sequence[Secret], texts: Sequence[str], ids: Sequence[str]) -> Sought:
    """What is to be looked for; before it is erased.

    secrets: of the rows that go. texts: of what goes and has no row. ids: of all that goes.
    """
    said = [one.data.decode("utf-8", "replace") for one in secrets if one.label == "text"]
    forms = {form.data: form for text in (*said, *texts) for form in text_secrets(text)}
    others = [one for one in secrets if one.label != "text" and one.data not in forms]
    return Sought(secrets=(*forms.values(), *others), ids=tuple(ids), bound=store.bound(ids))


def verified(store: Store, wanted: Sought, progress: Progress | None = None) -> Verification:
    """Asks the store, and searches its files: for texts, vectors and keys in each, for ids where none may be."""
    asked = store.remains(wanted.bound)
    parts = living(store, wanted.ids)
    found = verification(store, wanted.secrets, _living_one(store), progress)
    names = scan(store.nameless(), [secret for id in wanted.ids for secret in _names(id)] + _digests(wanted.secrets))
    stray = list(_in_strays(store, wanted.secrets))
    left = (*found.left, *asked.left, *("part of a gist" for _ in parts), *map(_place, names.found), *stray)
    more = len(asked.left) + len(parts) + len({find.needle for find in names.found}) + len(stray)
    checks = asked.checks + len(wanted.ids)
    return replace(found, needles=found.needles + names.needles, checks=checks, found=found.found + more, left=left)


def there(store: Store, ids: Sequence[str], progress: Progress | None = None) -> Verification:
    """Searches every file for memories that are still there: what a scan can find of them at all.

    ids: of these, no more than a thousand of those that have a row of their own are looked for.
    """
    rows = [id for id, trace in zip(ids, store.traces(list(ids)), strict=True) if trace is not None][:_CONTROLS]
    secrets = store.secrets(rows)
    said = [one.data.decode("utf-8", "replace") for one in secrets if one.label == "text"]
    forms = {form.data: form for text in said for form in text_secrets(text)}
    others = [one for one in secrets if one.label != "text" and one.data not in forms]
    residue = scan(store.files(), telling(store, [*forms.values(), *others]), progress=progress)
    return replace(residue.verification(), left=tuple(dict.fromkeys(map(_place, residue.found))))


def telling(store: Store, secrets: Sequence[Secret]) -> list[Secret]:
    """Those of these byte strings that prove something where they are found in a file of the store."""
    common = store.common()
    return [one for one in secrets if _tells(one) and one.data not in common]


def verification(
    store: Store, secrets: Sequence[Secret], control: Sequence[Secret] = (), progress: Progress | None = None
) -> Verification:
    """Searches every file of the store for the secrets of what was forgotten, except those that stand there anyway.

    control: secrets of a memory that is there, which are looked for in the same pass.
    """
    telling_ones, seen_too = telling(store, secrets), telling(store, control)
    known = {one.data for one in telling_ones}
    seen_too = [one for one in seen_too if one.data not in known]
    residue = scan(store.files(), [*telling_ones, *seen_too], progress=progress)
    found = [find for find in residue.found if find.needle < len(telling_ones)]
    shared = {find.needle for find in found if _is_kept(store, telling_ones[find.needle])}
    left = [find for find in found if find.needle not in shared]
    return replace(
        residue.verification(),
        needles=len(telling_ones),
        control=len(seen_too),
        control_found=len({find.needle for find in residue.found if find.needle >= len(telling_ones)}),
        found=len({find.needle for find in left}),
        shared=len(shared),
        skipped=sum(one.label in _TEXTS for one in secrets) - sum(one.label in _TEXTS for one in telling_ones),
        left=tuple(map(_place, left)),
    )


def _living_one(store: Store) -> list[Secret]:
    """The secrets of one memory that is there; none where none is."""
    for id in reversed(store.select(Where())):
        with suppress(MemoryNotFound):  # it has gone meanwhile
            return store.secrets([id])
    return []


def _tells(secret: Secret) -> bool:
    """Whether finding these bytes proves anything."""
    if secret.label.startswith("vector"):
        return len(set(secret.data)) >= _DISTINCT or len(secret.data) >= _LONG
    return len(secret.data) >= _TELLING


def _names(id: str) -> tuple[Secret, Secret]:
    return Secret(label="id", data=bytes.fromhex(id)), Secret(label="id in words", data=id.encode())


def _digests(secrets: Sequence[Secret]) -> list[Secret]:
    """Hashes of texts, by which the manifest of an adapter knows what it learnt."""
    texts = [one.data for one in secrets if one.label == "text utf-8"]
    return [Secret(label="hash of a text", data=hashlib.sha256(text).hexdigest().encode()) for text in texts]


def _in_strays(store: Store, secrets: Sequence[Secret]) -> Iterator[str]:
    """Short texts in files that are none of the store's: where they stand as a value, and not within prose."""
    short = [one for one in secrets if one.label.startswith("text") and one.data and not _tells(one)]
    for path in store.strays() if short else ():
        data = _read(path)
        for one in short:
            if _is_value(data, one.data):
                yield f"{one.label} in {path.name}"


def _is_value(data: bytes, text: bytes) -> bool:
    """Whether a text is a whole line or column of a file, or a quoted value in it."""
    quoted = (b'"%s"' % text, b"'%s'" % text)
    whole = {line.strip() for line in re.split(rb"[\n\r\t\0]", data)}
    return any(one in data for one in quoted) or text.strip() in whole


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= _LARGEST_STRAY else b""
    except FileNotFoundError:
        return b""


def _place(find: Find) -> str:
    return f"{find.label} in {find.path.name}"


def _is_kept(store: Store, secret: Secret) -> bool:
    """Whether the bytes are in the vector of a kept memory: equal texts have equal vectors, except for rounding."""
    import numpy as np

    if secret.run is None or len(secret.data) != 2 * store.embedder.dimension:
        return False
    vector = np.frombuffer(secret.data, "<f2").astype(np.float32)
    nearest = store.search(vector, Where(), _TWINS)
    read = [record for record in store.read([memory.id for memory, _ in nearest]) if record is not None]
    kept = [part.vector.astype("<f2").tobytes() for record in read for part in leaves(record)]
    starts = range(len(secret.data) - secret.run + 1)
    return any(bytes_[at : at + secret.run] == secret.data[at : at + secret.run] for bytes_ in kept for at in starts)
